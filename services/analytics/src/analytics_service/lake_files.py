"""What a tenant's lake holds now, and the way its files come here: in threads of their own, shared and bounded."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from service_runtime.errors import InvalidArgument, NotFound, Unavailable, Unprocessable
from service_runtime.lake import Lake, StoredObject

from analytics_service.datasets import Dataset
from analytics_service.fuse import Fuse
from analytics_service.metrics import FETCHED_BYTES, LAKE_FAILURES, LISTINGS
from analytics_service.single_flight import NextFlight, all_results

T = TypeVar("T")

# Requests to a lake that is away wait in threads; more of them than that do so in a line.
_THREADS = 16
# A listing that takes longer is given up: callers have deadlines.
_PATIENCE_SECONDS = 12.0


class Replaced(Exception):
    """A file is no longer the one that was listed."""


class LakeFiles:
    """Lists and fetches; a lake that fails again and again is left alone for a while, and each tenant's by itself."""

    def __init__(
        self, lake_of: Callable[[UUID], Lake], *, is_near: bool, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._lake_of = lake_of
        # A listing on a disk of this machine takes less than a thread's turn; one further away waits in a thread.
        self._is_near = is_near
        self._patience = patience_seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lake")
        self._listings: NextFlight[list[StoredObject]] = NextFlight()
        self._fuses: defaultdict[UUID, Fuse] = defaultdict(Fuse)

    async def listed(self, tenant_id: UUID, datasets: Sequence[Dataset]) -> dict[str, list[StoredObject]]:
        """The files that make up each dataset now, by dataset name; an empty list where it is not there."""
        if self._is_near:
            lake = self._lake_of(tenant_id)
            return {dataset.name: [*_near_parts(dataset.folder, *lake.list(dataset.folder))] for dataset in datasets}
        # One listing for each source, such as mysql/, whatever many of its datasets are asked for.
        sources = sorted({dataset.name.partition("/")[0] for dataset in datasets})
        found = dict(zip(sources, await all_results(self._list(tenant_id, source) for source in sources), strict=True))
        return {dataset.name: parts_of(dataset.folder, found[dataset.name.partition("/")[0]]) for dataset in datasets}

    async def fetch(self, tenant_id: UUID, file: StoredObject, target: Path) -> None:
        """Copies the listed version and no other; raises Replaced where there is another by now."""

        def copy() -> tuple[str, int]:
            return self._lake_of(tenant_id).fetch(file.path, target).etag, target.stat().st_size

        try:
            etag, size = await self._asked(tenant_id, copy)
        except NotFound as error:
            raise Replaced(file.path) from error
        except InvalidArgument as error:
            path = as_text(file.path)
            message = f"{path} cannot be read: rename it, in UTF-8 without backslashes and control characters."
            raise Unprocessable("DATASET_UNREADABLE", message, path=path) from error
        FETCHED_BYTES.inc(size)
        if (etag, size) != (file.etag, file.size):
            raise Replaced(file.path)

    def close(self) -> None:
        """Lets go of the threads, without waiting for a lake that does not answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _list(self, tenant_id: UUID, folder: str) -> list[StoredObject]:
        LISTINGS.labels("asked").inc()

        async def make() -> list[StoredObject]:
            LISTINGS.labels("made").inc()
            return await self._asked(tenant_id, lambda: self._lake_of(tenant_id).list(folder), self._patience)

        return await self._listings.run((tenant_id, folder), make)

    async def _asked(self, tenant_id: UUID, work: Callable[[], T], patience: float | None = None) -> T:
        fuse = self._fuses[tenant_id]
        fuse.check()
        try:
            async with asyncio.timeout(patience):
                result = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (Unavailable, TimeoutError) as error:
            failure = error if isinstance(error, Unavailable) else _too_late()
            LAKE_FAILURES.labels(failure.metadata.get("cause", "Unknown")).inc()
            fuse.failed(failure)
            raise failure from error
        fuse.worked()
        return result


def as_text(path: str) -> str:
    """The path for people, with `\\udcf1` for a byte that is not UTF-8, as names of files may hold."""
    return path.encode(errors="backslashreplace").decode()


def _too_late() -> Unavailable:
    return Unavailable("LAKE_UNAVAILABLE", "The lake does not answer in time.", retry_after=5, cause="Timeout")


# What lies on this machine is listed at every request, and is mostly what it was at the last.
@lru_cache(1024)
def _near_parts(folder: str, *files: StoredObject) -> list[StoredObject]:
    return parts_of(folder, files)


def parts_of(folder: str, files: Sequence[StoredObject]) -> list[StoredObject]:
    """What readers take of a dataset's folder: its Parquet files, else its CSV files, by name."""
    direct = sorted(
        (
            file
            for file in files
            if file.path.startswith(folder)
            and "/" not in (name := file.path[len(folder) :])
            and not name.startswith(("_", "."))
        ),
        key=lambda file: file.path,
    )
    return [file for file in direct if file.path.endswith(".parquet")] or [
        file for file in direct if file.path.endswith(".csv")
    ]
