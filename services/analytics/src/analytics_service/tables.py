"""The tenant's datasets as typed tables: what is in the lake now, fetched and parsed once per version of each file."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from uuid import UUID

from service_runtime.errors import NotFound, Unavailable
from service_runtime.lake import Lake, StoredObject

from analytics_service.datasets import Dataset
from analytics_service.fair_turns import FairTurns
from analytics_service.file_tables import FileTables
from analytics_service.kept_files import KeptFile, KeptFiles, key_of
from analytics_service.lake_files import LakeFiles, Replaced
from analytics_service.metrics import PARSE_SECONDS, TABLES
from analytics_service.query_engine import Source
from analytics_service.single_flight import SingleFlight, all_results
from analytics_service.table_parser import RULES_VERSION, TableParser

# How often a file may be replaced under our hands before the caller is told to come again.
_MOST_TRIES = 4
_FILES_AT_ONCE = 4


@dataclass(frozen=True)
class Table:
    """A dataset's typed table in one version."""

    dataset: Dataset
    parts: tuple[KeptFile, ...]
    version: str

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(name for part in self.parts for name in part.facts["columns"])

    def bad_values(self, column: str) -> int:
        return sum(int(part.facts["bad_values"].get(column, 0)) for part in self.parts)

    def newest(self, column: str) -> datetime | None:
        """The newest time of a column in UTC; None where it has none or the files do not tell."""
        told = [part.facts["newest"][column] for part in self.parts if column in part.facts["newest"]]
        return datetime.fromisoformat(max(told)) if told else None

    def source(self, renamed: Mapping[str, str] | None = None) -> Source:
        return Source([part.path for part in self.parts], renamed or {}, self.dataset, self.version)


class Tables:
    """Opens datasets of a tenant's lake; whoever asks gets what the lake holds at that moment."""

    def __init__(self, lake_of: Callable[[UUID], Lake], kept: KeptFiles, parser: TableParser, *, is_near: bool) -> None:
        self._lake, self._kept = LakeFiles(lake_of, is_near=is_near), kept
        self._files = FileTables(kept, parser)
        self._flights: SingleFlight[tuple[KeptFile, ...]] = SingleFlight()
        # Raw files are copied whole: a few at a time bound disk and network, and no tenant takes them all.
        self._turns = FairTurns("parse", _FILES_AT_ONCE)

    async def files(self, tenant_id: UUID, datasets: Sequence[Dataset]) -> dict[str, list[StoredObject]]:
        """The files that make up each dataset now, by dataset name; an empty list where it is not there."""
        return await self._lake.listed(tenant_id, datasets)

    async def open(
        self, tenant_id: UUID, datasets: Sequence[Dataset], listed: Mapping[str, list[StoredObject]] | None = None
    ) -> dict[str, Table]:
        """The datasets by table name; `listed` spares a listing just made. Go on to `in_use` before anything waits.

        Errors: DATASET_NOT_FOUND, DATASET_UNREADABLE, LAKE_UNAVAILABLE, LAKE_CHANGING, CACHE_UNAVAILABLE.
        """
        for _ in range(_MOST_TRIES):
            listed = listed or await self.files(tenant_id, datasets)
            for dataset in datasets:
                if not listed[dataset.name]:
                    raise not_found(dataset)
            keys = [key for dataset in datasets for key in _keys(tenant_id, dataset, listed[dataset.name])]
            # What is there already must not make way for what is yet to be parsed.
            with self._kept.held(keys), contextlib.suppress(Replaced):
                opening = [self._table(tenant_id, dataset, listed[dataset.name]) for dataset in datasets]
                return {table.dataset.table: table for table in await all_results(opening)}
            listed = None
        raise Unavailable("LAKE_CHANGING", "The data are being replaced. Try again.", retry_after=1)

    async def _table(self, tenant_id: UUID, dataset: Dataset, files: Sequence[StoredObject]) -> Table:
        keys = _keys(tenant_id, dataset, files)
        found = [self._files.find(key) for key in keys]
        TABLES.labels("hit").inc(len(found) - found.count(None))
        TABLES.labels("miss").inc(found.count(None))
        if None in found:
            parsing = [
                self._flights.run(key, partial(self._parse, tenant_id, dataset, key, file))
                for key, file in zip(keys, files, strict=True)
            ]
            found = [*await all_results(parsing)]
        return Table(dataset, tuple(part for parts in found for part in parts or ()), key_of(*keys))

    async def _parse(self, tenant_id: UUID, dataset: Dataset, key: str, file: StoredObject) -> tuple[KeptFile, ...]:
        found = self._files.find(key)
        if found is not None:
            return found
        owner = str(tenant_id)
        with self._kept.held([key]):
            # The copy, and the table made of it.
            async with self._turns.turn(owner), self._kept.room(2 * file.size):
                with self._kept.incoming(".raw") as raw, PARSE_SECONDS.labels(dataset.name).time():
                    await self._lake.fetch(tenant_id, file, raw)
                    return await self._files.make(owner, dataset, key, file.path, raw)

    def discard(
        self, tenant_id: UUID, datasets: Sequence[Dataset], listed: Mapping[str, Sequence[StoredObject]]
    ) -> None:
        """Throws away the tables made of these files, so that they are made again."""
        for dataset in datasets:
            self._files.discard(_keys(tenant_id, dataset, listed[dataset.name]))

    async def close(self) -> None:
        """Lets go of what it waits for."""
        self._lake.close()

    @contextlib.contextmanager
    def in_use(self, tables: Mapping[str, Table]) -> Iterator[None]:
        """Holds the tables' files as long as a query reads them."""
        with self._kept.in_use([part for table in tables.values() for part in table.parts]):
            yield


def version_of(tenant_id: UUID, dataset: Dataset, files: Sequence[StoredObject]) -> str:
    """The version that a table of these files has, told without opening it."""
    return _version(tenant_id, dataset.name, *((file.path, file.etag) for file in files))


def _keys(tenant_id: UUID, dataset: Dataset, files: Sequence[StoredObject]) -> list[str]:
    return [_key(tenant_id, dataset.name, file.path, file.etag) for file in files]


# At every request it is asked for the same files again.
@lru_cache(4096)
def _version(tenant_id: UUID, name: str, *files: tuple[str, str]) -> str:
    return key_of(*(_key(tenant_id, name, path, etag) for path, etag in files))


def _key(tenant_id: UUID, name: str, path: str, etag: str) -> str:
    return key_of(RULES_VERSION, tenant_id, name, path, etag)


def not_found(dataset: Dataset) -> NotFound:
    message = f"{dataset.path} is not in the lake."
    return NotFound("DATASET_NOT_FOUND", message, path=dataset.path, dataset=dataset.name)
