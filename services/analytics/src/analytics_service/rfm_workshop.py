"""Where a worker scores: in a folder that is empty before and after, so that it keeps no copy of anybody's data."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from service_runtime.lake import tenant_lake

from analytics_service.config import Settings
from analytics_service.kept_files import KeptFiles
from analytics_service.rfm_scoring import Scores, Scoring
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Made:
    """The scores of a version, all customers as Parquet, and how many seconds ago its files were listed."""

    scores: Scores
    content: bytes
    age: float


class Workshop:
    """Makes RFM tables from the lake; one worker process has a folder for itself."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        self._folder = settings.analytics_cache_folder.absolute() / "worker"
        # What a killed worker has left.
        shutil.rmtree(self._folder, ignore_errors=True)

    async def make_newer(self, tenant_id: UUID, known: Scores | None) -> Made | None:
        """The table of the files that are there now; None where that is the known one. Errors: those of Scoring."""
        from analytics_service.engines import build_engines

        with self._empty_folder() as folder:
            lake_of = partial(tenant_lake, self._settings)
            engines = build_engines(self._settings, folder, lake_of, concurrency=2)
            kept = KeptFiles(folder, self._settings.analytics_cache_bytes)
            tables = Tables(lake_of, kept, TableParser(engines.near), is_near=False)
            try:
                scoring = Scoring(tables, engines.reports, engines.near, self._clock)
                return await _made(scoring, tenant_id, known, folder / "customers.parquet")
            finally:
                await tables.close()
                await engines.close()

    @contextmanager
    def _empty_folder(self) -> "Iterator[Path]":
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as folder:
            yield Path(folder)


async def _made(scoring: Scoring, tenant_id: UUID, known: Scores | None, target: Path) -> Made | None:
    seen_at = time.monotonic()
    purchases = await scoring.purchases(tenant_id)
    if known is not None and known.version == purchases.version and known.holds(scoring.now()):
        return None
    scores = await scoring.score(tenant_id, purchases, target)
    content = await asyncio.to_thread(target.read_bytes)
    return Made(scores, content, time.monotonic() - seen_at)
