"""What the analytics service can be told from the environment."""

from pathlib import Path
from typing import ClassVar

from service_runtime.config import RuntimeSettings


class Settings(RuntimeSettings):
    """Settings of analytics; it keeps no records, so it needs no database."""

    required_in_production: ClassVar[frozenset[str]] = frozenset({"atalaya_lake"})

    # Folder for parsed tables and other things that can be made again; one process each. Survives restarts.
    analytics_cache_folder: Path = Path(".atalaya/cache/analytics")
    # How many bytes may be kept there; what was not used for longest goes first.
    analytics_cache_bytes: int = 4 * 1024**3
    # Memory that queries may take together, as DuckDB writes sizes; beyond it they spill to the cache folder.
    analytics_query_memory: str = "400MB"
    # Threads that one query may use.
    analytics_query_threads: int = 2
    # Queries that run at once; one tenant never takes them all.
    analytics_query_concurrency: int = 4
    # Seconds after which a query is given up.
    analytics_query_timeout_seconds: float = 25
    # Finished answers kept in memory.
    analytics_answers_kept: int = 2000
    # Patience with each service when the suite's health is asked.
    analytics_health_timeout_seconds: float = 1.5
