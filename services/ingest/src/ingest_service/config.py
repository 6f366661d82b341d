"""What the ingest service can be told, beyond what every service can."""

import tempfile
from pathlib import Path
from typing import ClassVar

from pydantic import Field
from service_runtime.config import RuntimeSettings


class Settings(RuntimeSettings):
    """Settings of ingest."""

    # Without its own key the service could not tell the trail what happens in it.
    required_in_production: ClassVar[frozenset[str]] = RuntimeSettings.required_in_production | {
        "service_private_key_file"
    }

    # Local folder for uploads on their way to the lake and for the worker's own files; needs room for the largest
    # file several times over.
    ingest_spool_folder: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / "atalaya-ingest")
    # Largest file of an import in bytes.
    ingest_largest_file: int = Field(default=10 * 1024**3, ge=1024)
    # Hours for which the file of an export stays.
    export_hours: float = Field(default=24, gt=0, le=24 * 365)
    # Imports that a worker runs at the same time.
    ingest_worker_concurrency: int = Field(default=1, ge=1, le=16)
