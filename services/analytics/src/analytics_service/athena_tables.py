"""The typed tables where Athena reads them: written once per version beside the tenant's datasets, named in Glue."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import structlog
from service_runtime.errors import ServiceError, Unavailable
from service_runtime.lake import Lake

from analytics_service.aws_calls import AwsCalls, Refused
from analytics_service.datasets import Dataset, Kind
from analytics_service.query_engine import Source
from analytics_service.single_flight import SingleFlight

_log = structlog.stdlib.get_logger("analytics_service.athena_tables")

# Folder of the tenant's lake that is analytics' own; no dataset has such a name, and readers skip it.
OWN_FOLDER = "_analytics/"
RESULTS_FOLDER = f"{OWN_FOLDER}results/"
_MOST_REMEMBERED = 10_000
# A query that began on a version has ended long before its files go.
_GRACE = timedelta(minutes=30)

_HIVE_TYPES = {
    Kind.ID: "string",
    Kind.TEXT: "string",
    Kind.NUMBER: "double",
    Kind.TIME: "timestamp",
    Kind.BOOLEAN: "boolean",
}
_HIVE_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


def typed_columns(dataset: Dataset) -> dict[str, str]:
    """The columns of a dataset's typed table with their types as Glue names them."""
    columns = {}
    for column in dataset.columns:
        columns[column.name] = _HIVE_TYPES[column.kind]
        if column.kind.can_fail:
            columns[f"{column.name}_bad"] = "boolean"
        if column.keep_text:
            columns[f"{column.name}_text"] = "string"
    return columns


class AthenaTables:
    """Publishes typed tables, one external table per tenant, dataset and version, and drops those of old versions."""

    def __init__(
        self,
        aws: AwsCalls,
        lake_of: Callable[[UUID], Lake],
        database: str,
        folder: Path,
        *,
        versions_kept: int,
        results_kept: timedelta = _GRACE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._aws, self._lake_of, self._database, self._folder = aws, lake_of, database, folder
        self._versions_kept, self._results_kept, self._clock = versions_kept, max(results_kept, _GRACE), clock
        self._flights: SingleFlight[None] = SingleFlight()
        self._published: OrderedDict[str, None] = OrderedDict()

    async def place(self, owner: str, source: Source) -> str:
        """What stands after FROM to read the source; it is published where it is not yet."""
        dataset, tenant_id = _dataset(source), UUID(owner)
        name = _table_name(tenant_id, dataset, source.version)
        if name not in self._published:
            await self._flights.run(name, lambda: self._publish(tenant_id, dataset, source))
        self._published[name] = None
        self._published.move_to_end(name)
        if len(self._published) > _MOST_REMEMBERED:
            self._published.popitem(last=False)
        columns = [f'"{column}"' for column in typed_columns(dataset) if column not in source.renamed]
        columns += [f'"{old}" AS "{new}"' for new, old in source.renamed.items()]
        return f'(SELECT {", ".join(columns)} FROM "{self._database}"."{name}")'  # noqa: S608

    def forget(self, owner: str, sources: Iterable[Source]) -> None:
        """Lets the tables be published again: somebody else has dropped them."""
        for source in sources:
            self._published.pop(_table_name(UUID(owner), _dataset(source), source.version), None)

    async def erase(self, tenant_id: UUID) -> int:
        """Drops all that analytics keeps of a tenant in its lake; gives how many tables and objects there were."""
        pages = self._aws.glue.get_paginator("get_tables")
        read = partial(pages.paginate, DatabaseName=self._database, Expression=f"{_owner_name(tenant_id)}_.*")
        try:
            names = await self._aws.call(
                lambda: [table["Name"] for page in read() for table in page["TableList"]],
                known=("EntityNotFoundException",),
            )
        except Refused:
            names = []
        await self._drop(names)
        return len(names) + await self._aws.run(partial(self._lake_of(tenant_id).delete_below, OWN_FOLDER))

    async def _publish(self, tenant_id: UUID, dataset: Dataset, source: Source) -> None:
        lake = self._lake_of(tenant_id)
        folder = f"{_folder(dataset)}{source.version}/"
        there = {found.path for found in await self._aws.run(partial(lake.list, folder))}
        missing = [file for file in source.files if f"{folder}{file.name}" not in there]
        putting = [partial(_put, lake, file, f"{folder}{file.name}", self._folder) for file in missing]
        await asyncio.gather(*(self._aws.run(put) for put in putting))
        table = _table_input(_table_name(tenant_id, dataset, source.version), dataset, f"{lake.url}/{folder}")
        try:
            await self._create(table)
        except Refused as refused:
            if refused.code == "EntityNotFoundException":
                await self._create_database()
                await self._create(table)
        try:
            await self._drop_old(tenant_id, dataset, source.version)
            await self._aws.run(partial(_drop_results, lake, self._clock() - self._results_kept))
        except ServiceError as error:
            # Whoever asks wants an answer; the next version cleans again.
            _log.warning("old tables stay for now", tenant_id=str(tenant_id), table=dataset.table, error=str(error))

    async def _create(self, table: dict[str, object]) -> None:
        try:
            await self._aws.call(
                self._aws.glue.create_table,
                known=("AlreadyExistsException", "EntityNotFoundException"),
                DatabaseName=self._database,
                TableInput=table,
            )
        except Refused as refused:
            if refused.code != "AlreadyExistsException":
                raise

    async def _create_database(self) -> None:
        try:
            create = self._aws.glue.create_database
            await self._aws.call(create, known=("AlreadyExistsException",), DatabaseInput={"Name": self._database})
        except Refused:
            return

    async def _drop_old(self, tenant_id: UUID, dataset: Dataset, current: str) -> None:
        lake, below = self._lake_of(tenant_id), _folder(dataset)
        written: dict[str, datetime] = {}
        for file in await self._aws.run(partial(lake.list, below)):
            version = file.path.removeprefix(below).partition("/")[0]
            written[version] = max(file.modified, written.get(version, file.modified))
        written.pop(current, None)
        newest_first = sorted(written, key=lambda version: written[version], reverse=True)
        latest = self._clock() - _GRACE
        for version in newest_first[self._versions_kept - 1 :]:
            if written[version] < latest:
                await self._drop([_table_name(tenant_id, dataset, version)])
                await self._aws.run(partial(lake.delete_below, f"{below}{version}"))

    async def _drop(self, names: list[str]) -> None:
        for name in names:
            self._published.pop(name, None)
        for start in range(0, len(names), 100):
            some = names[start : start + 100]
            await self._aws.call(self._aws.glue.batch_delete_table, DatabaseName=self._database, TablesToDelete=some)


def _dataset(source: Source) -> Dataset:
    if source.dataset is None:
        raise ValueError("only a dataset's tables are published")
    return source.dataset


def _folder(dataset: Dataset) -> str:
    return f"{OWN_FOLDER}tables/{dataset.table}/"


def _owner_name(tenant_id: UUID) -> str:
    return f"t{tenant_id.hex}"


def _table_name(tenant_id: UUID, dataset: Dataset, version: str) -> str:
    return f"{_owner_name(tenant_id)}_{dataset.table}_{version[:32]}"


def _put(lake: Lake, file: Path, path: str, folder: Path) -> None:
    packed = folder / f"{uuid4().hex}.parquet"
    try:
        _pack(file, packed)
        lake.put_over(packed, path, None)
    except Unavailable as error:
        # Another process was faster with the same content.
        if error.reason != "LAKE_OBJECT_CHANGED":
            raise
    finally:
        packed.unlink(missing_ok=True)


def _pack(file: Path, target: Path) -> None:
    """Compresses what lies on this disk as it was made: Athena's price goes by the bytes it reads."""
    from pyarrow import parquet

    with (
        parquet.ParquetFile(file) as source,
        parquet.ParquetWriter(target, source.schema_arrow, compression="zstd") as writer,
    ):
        for number in range(source.num_row_groups):
            writer.write_table(source.read_row_group(number))


def _drop_results(lake: Lake, latest: datetime) -> None:
    for file in lake.list(RESULTS_FOLDER):
        if file.modified < latest:
            lake.delete(file.path)


def _table_input(name: str, dataset: Dataset, location: str) -> dict[str, object]:
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind} for column, kind in typed_columns(dataset).items()],
            "Location": location,
            "InputFormat": f"{_HIVE_PARQUET}.MapredParquetInputFormat",
            "OutputFormat": f"{_HIVE_PARQUET}.MapredParquetOutputFormat",
            "Compressed": False,
            "NumberOfBuckets": 0,
            "SerdeInfo": {
                "SerializationLibrary": f"{_HIVE_PARQUET}.serde.ParquetHiveSerDe",
                "Parameters": {"serialization.format": "1"},
            },
        },
    }
