"""The tenant's datasets as typed tables: what is in the lake now, fetched and parsed once per version of each file."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from service_runtime.errors import NotFound, Unavailable
from service_runtime.lake import Lake, StoredObject

from analytics_service.datasets import Dataset
from analytics_service.kept_files import KeptFile, KeptFiles, key_of
from analytics_service.query_engine import Source
from analytics_service.single_flight import SingleFlight
from analytics_service.table_parser import RULES_VERSION, TableParser

T = TypeVar("T")

# How often a file may be replaced under our hands before the caller is told to come again.
_MOST_TRIES = 4


class _Replaced(Exception):
    """A file is no longer the one that was listed."""


@dataclass(frozen=True)
class Table:
    """A dataset's typed table in one version."""

    dataset: Dataset
    parts: tuple[KeptFile, ...]

    @property
    def version(self) -> str:
        return key_of(*(part.key for part in self.parts))

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(name for part in self.parts for name in part.facts["columns"])

    def bad_values(self, column: str) -> int:
        return sum(int(part.facts["bad_values"].get(column, 0)) for part in self.parts)

    def source(self, renamed: Mapping[str, str] | None = None) -> Source:
        return Source([part.path for part in self.parts], renamed or {}, self.dataset, self.version)


class Tables:
    """Opens datasets of a tenant's lake; whoever asks gets what the lake holds at that moment."""

    def __init__(self, lake_of: Callable[[UUID], Lake], kept: KeptFiles, parser: TableParser, *, is_near: bool) -> None:
        self._lake_of, self._kept, self._parser = lake_of, kept, parser
        # A listing on a disk of this machine takes less than a thread's turn; one further away waits in a thread.
        self._is_near = is_near
        self._flights: SingleFlight[KeptFile] = SingleFlight()
        # Raw files are copied whole: a few at a time bound disk and network.
        self._fetches = asyncio.Semaphore(4)

    async def files(self, tenant_id: UUID, datasets: Sequence[Dataset]) -> dict[str, list[StoredObject]]:
        """The files that make up each dataset now, by dataset name; an empty list where it is not there."""

        def list_all() -> dict[str, list[StoredObject]]:
            lake = self._lake_of(tenant_id)
            return {dataset.name: _parts(dataset, lake.list(dataset.folder)) for dataset in datasets}

        return list_all() if self._is_near else await asyncio.to_thread(list_all)

    async def open(
        self, tenant_id: UUID, datasets: Sequence[Dataset], listed: Mapping[str, list[StoredObject]] | None = None
    ) -> dict[str, Table]:
        """The datasets by table name; `listed` spares a listing just made.

        Errors: DATASET_NOT_FOUND, DATASET_UNREADABLE, LAKE_UNAVAILABLE.
        """
        for _ in range(_MOST_TRIES):
            listed = listed or await self.files(tenant_id, datasets)
            for dataset in datasets:
                if not listed[dataset.name]:
                    raise not_found(dataset)
            opening = [self._table(tenant_id, dataset, listed[dataset.name]) for dataset in datasets]
            with contextlib.suppress(_Replaced):
                return {table.dataset.table: table for table in _all_or_first_error(await _settled(opening))}
            listed = None
        raise Unavailable("LAKE_CHANGING", "The data are being replaced. Try again.", retry_after=1)

    async def _table(self, tenant_id: UUID, dataset: Dataset, files: Sequence[StoredObject]) -> Table:
        keys = _keys(tenant_id, dataset, files)
        found = [self._kept.find(key) for key in keys]
        if None not in found:
            return Table(dataset, tuple(part for part in found if part))
        parsing = [
            self._flights.run(key, partial(self._parse, tenant_id, dataset, key, file))
            for key, file in zip(keys, files, strict=True)
        ]
        return Table(dataset, tuple(_all_or_first_error(await _settled(parsing))))

    async def _parse(self, tenant_id: UUID, dataset: Dataset, key: str, file: StoredObject) -> KeptFile:
        found = self._kept.find(key)
        if found is not None:
            return found
        lake = self._lake_of(tenant_id)
        with self._kept.incoming(".raw") as raw, self._kept.incoming(".parquet") as parsed:
            async with self._fetches:
                await asyncio.to_thread(_fetch, lake, file, raw)
                facts = await self._parser.parse(str(tenant_id), dataset, file.path, raw, parsed)
            return self._kept.keep(key, str(tenant_id), parsed, facts)

    @contextlib.contextmanager
    def in_use(self, tables: Mapping[str, Table]) -> Iterator[None]:
        """Holds the tables' files as long as a query reads them."""
        with self._kept.in_use([part for table in tables.values() for part in table.parts]):
            yield


def version_of(tenant_id: UUID, dataset: Dataset, files: Sequence[StoredObject]) -> str:
    """The version that a table of these files has, told without opening it."""
    return key_of(*_keys(tenant_id, dataset, files))


def _keys(tenant_id: UUID, dataset: Dataset, files: Sequence[StoredObject]) -> list[str]:
    return [key_of(RULES_VERSION, tenant_id, dataset.name, file.path, file.etag) for file in files]


def not_found(dataset: Dataset) -> NotFound:
    message = f"{dataset.path} is not in the lake."
    return NotFound("DATASET_NOT_FOUND", message, path=dataset.path, dataset=dataset.name)


def _parts(dataset: Dataset, files: Sequence[StoredObject]) -> list[StoredObject]:
    """What readers take of a dataset's folder: its Parquet files, else its CSV files, by name."""
    direct = sorted(
        (
            file
            for file in files
            if "/" not in (name := file.path.removeprefix(dataset.folder)) and not name.startswith(("_", "."))
        ),
        key=lambda file: file.path,
    )
    return [file for file in direct if file.path.endswith(".parquet")] or [
        file for file in direct if file.path.endswith(".csv")
    ]


async def _settled(work: Sequence[Awaitable[T]]) -> list[T | BaseException]:
    """All results when all have ended, so that nothing goes on behind an error."""
    return await asyncio.gather(*work, return_exceptions=True)


def _all_or_first_error(results: Sequence[T | BaseException]) -> list[T]:
    good = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        good.append(result)
    return good


def _fetch(lake: Lake, file: StoredObject, target: Path) -> None:
    """Fetches the listed version and no other: one that changed before or during the copy is refused."""
    try:
        fetched = lake.fetch(file.path, target)
    except NotFound as error:
        raise _Replaced(file.path) from error
    now = lake.head(file.path)
    if fetched.etag != file.etag or now is None or now.etag != file.etag or target.stat().st_size != file.size:
        raise _Replaced(file.path)
