"""What the ingest service can be told, beyond what every service can."""

import tempfile
from pathlib import Path
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator
from service_runtime.config import RuntimeSettings

from ingest_service.sources.allow_list import AllowList
from ingest_service.sources.sealing import KeyRing


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
    # Days for which the upload of an import that failed or was cancelled stays, so that it can be tried again.
    import_file_days: float = Field(default=30, gt=0, le=3650)
    # Days for which rejected rows of imports, and what source runs left out, stay to be seen and replayed.
    rejected_rows_days: float = Field(default=90, gt=0, le=3650)
    # Imports that a worker runs at the same time.
    ingest_worker_concurrency: int = Field(default=1, ge=1, le=16)
    # Where sources may be, as host:port or network:port with * for any port, separated by commas: 10.1.0.0/16:3306,
    # db.example.com:5432, [fd00::/8]:9042. Empty: nowhere, so that nobody has sources.
    sources_allowed: str = ""
    # Keys of 32 bytes in base64, separated by commas, that keep the credentials of sources: the first encrypts, all
    # decrypt. `rotate-source-keys` brings everything under the first.
    sources_encryption_keys: str = Field(default="", validate_default=True, repr=False)
    # Sources that a tenant may have.
    sources_per_tenant: int = Field(default=20, ge=0)
    # Longest time of one statement at a source.
    sources_statement_seconds: int = Field(default=3600, ge=1)
    # Longest time in which nothing comes from a source.
    sources_silence_seconds: int = Field(default=300, ge=1)
    # Rows that are fetched from a source at a time, where its protocol lets that be said.
    sources_fetch_rows: int = Field(default=2_000, ge=1, le=100_000)
    # Rows a second that a run reads at most.
    sources_rows_per_second: int = Field(default=1_000_000, ge=1)
    # Largest table that a run brings, in bytes of CSV.
    sources_largest_table: int = Field(default=50 * 1024**3, ge=1024)

    @field_validator("sources_allowed")
    @classmethod
    def _readable(cls, text: str) -> str:
        AllowList(text)
        return text

    @field_validator("sources_encryption_keys")
    @classmethod
    def _keys(cls, text: str, info: ValidationInfo) -> str:
        KeyRing(text)
        if not text and info.data.get("environment") == "production" and info.data.get("sources_allowed"):
            raise ValueError("production needs a key where SOURCES_ALLOWED lets sources be")
        return text
