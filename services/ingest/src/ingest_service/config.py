"""What the ingest service can be told, beyond what every service can."""

import tempfile
from pathlib import Path

from pydantic import Field
from service_runtime.config import RuntimeSettings


class Settings(RuntimeSettings):
    """Settings of ingest."""

    # Local folder for uploads on their way to the lake and for the worker's own files; needs room for the largest
    # file several times over.
    ingest_spool_folder: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / "atalaya-ingest")
    # Largest file of an import in bytes.
    ingest_largest_file: int = Field(default=10 * 1024**3, ge=1024)
    # Imports that a worker runs at the same time.
    ingest_worker_concurrency: int = Field(default=1, ge=1, le=16)
