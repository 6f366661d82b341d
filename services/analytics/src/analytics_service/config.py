"""What the analytics service can be told from the environment."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator
from service_runtime.config import RuntimeSettings


class Settings(RuntimeSettings):
    """Settings of analytics."""

    # Without its own key the service could not tell the trail what happens in it.
    required_in_production: ClassVar[frozenset[str]] = RuntimeSettings.required_in_production | {
        "service_private_key_file"
    }

    # Shorter than elsewhere: callers wait for what is read here.
    lake_silence_seconds: float = Field(default=10, gt=0)
    # Folder for parsed tables and other things that can be made again; one server each, and one worker, which works in
    # `worker` below it. Survives restarts.
    analytics_cache_folder: Path = Path(".atalaya/cache/analytics")
    # How many bytes may be kept there; what was not used for longest goes first.
    analytics_cache_bytes: int = Field(default=4 * 1024**3, ge=0)
    # Memory that queries may take together, as 400MB or 2GiB; beyond it they spill to the cache folder.
    analytics_query_memory: str = Field(default="400MB", pattern=r"^\s*[0-9]+(\.[0-9]+)?\s*[KMGTkmgt][Ii]?[Bb]\s*$")
    # Threads that one query may use.
    analytics_query_threads: int = Field(default=2, ge=1)
    # Queries that run at once; one tenant never takes them all.
    analytics_query_concurrency: int = Field(default=4, ge=1)
    # Seconds after which a query is given up.
    analytics_query_timeout_seconds: float = Field(default=25, gt=0)
    # Where the reports' queries run: duckdb, in this process; or athena, for which the lake must lie on S3.
    query_engine: Literal["duckdb", "athena"] = "duckdb"
    # Athena's workgroup; it must not enforce a place for results, since each tenant has its own.
    athena_workgroup: str = "primary"
    # Catalog and database of the tables that the service makes from the datasets; the database is made if need be.
    analytics_athena_catalog: str = "AwsDataCatalog"
    athena_database: str = "atalaya"
    # s3://bucket/prefix below which each tenant has a folder for results; empty: in its own part of the lake.
    athena_output_location: str = ""
    # Minutes for which Athena may answer from a result it has; a version of the data is never answered for another.
    analytics_athena_reuse_minutes: int = Field(default=60, ge=0, le=10080)
    # Bytes that one query may read, which the service sets on its workgroup where that allows more; 0: the workgroup's.
    analytics_athena_bytes_limit: int = Field(default=0, ge=0)
    # Longest pause in seconds between two looks at a running query.
    analytics_athena_poll_seconds: float = Field(default=1, gt=0)
    # Queries that run at Athena at once; one tenant never takes them all.
    analytics_athena_concurrency: int = Field(default=8, ge=1)
    # Versions of each dataset's table that stay in the lake for Athena; older ones go half an hour after their making.
    analytics_athena_versions_kept: int = Field(default=2, ge=1)
    # Dollars for a terabyte read, for the cost in logs and replies.
    analytics_athena_price_per_terabyte: float = Field(default=5, ge=0)
    # Athena's and Glue's addresses, where they are not Amazon's public ones.
    analytics_athena_endpoint_url: str = ""
    analytics_glue_endpoint_url: str = ""
    # Bytes of finished answers kept in memory, counted as they go over the wire.
    analytics_answers_bytes: int = Field(default=32 * 1024**2, ge=0)
    # Patience with each service when the suite's health is asked.
    analytics_health_timeout_seconds: float = Field(default=1.5, gt=0)
    # How often a worker looks for new purchases of those who use RFM, in seconds; 0: never.
    analytics_rfm_look_seconds: float = Field(default=60, ge=0)

    @field_validator("query_engine")
    @classmethod
    def _needs_s3(cls, engine: str, others: ValidationInfo) -> str:
        if engine == "athena" and not str(others.data.get("atalaya_lake", "")).startswith("s3://"):
            raise ValueError("athena reads a lake on S3, and ATALAYA_LAKE names none")
        return engine

    @field_validator("analytics_athena_bytes_limit")
    @classmethod
    def _at_least_ten_megabytes(cls, limit: int) -> int:
        if 0 < limit < 10_000_000:
            raise ValueError("a workgroup takes no limit below 10,000,000 bytes")
        return limit
