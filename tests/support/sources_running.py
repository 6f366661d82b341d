"""An ingest service whose tenants have sources, and databases for these to read."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import itertools
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atalaya.ingest.v1 import data_pb2, sources_pb2, sources_pb2_grpc
from atalaya.jobs.v1 import job_pb2
from ingest_service.config import Settings
from ingest_service.new_id import new_id
from ingest_service.server import build_server
from ingest_service.worker import build_worker
from service_runtime.database import Database

from support import postgres
from support.ingest_running import IngestSuite, Tenant
from support.running import running, socket_address
from support.tokens import TestIssuer

if TYPE_CHECKING:
    from atalaya.ingest.v1.sources_pb2_grpc import SourcesServiceAsyncStub

_numbers = itertools.count(1)


def new_key() -> str:
    """Makes a key as SOURCES_ENCRYPTION_KEYS takes it."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass
class SourcesSuite(IngestSuite):
    """The service with its settings, so that tests can start workers of their own."""

    settings: Settings = field(default_factory=Settings)


@asynccontextmanager
async def serving_sources(
    issuer: TestIssuer, folder: Path, allowed: str, *, workers: bool = True, **settings: Any
) -> AsyncIterator[SourcesSuite]:
    """Starts ingest on a database of its own, with a worker where wanted."""
    own = postgres.database_for("ingest")
    database = Database(own.url)
    async with socket_address() as address:
        chosen = Settings(
            listen_address=address,
            database_url=own.url,
            atalaya_lake=f"file://{folder / 'lake'}",
            ingest_spool_folder=folder / "spool",
            sources_allowed=allowed,
            drain_seconds=0,
            **{"sources_encryption_keys": new_key(), **settings},
        )
        async with running(await build_server(chosen, verifier=issuer.verifier())) as channel:
            suite = SourcesSuite(channel, issuer, own, database, folder / "lake", chosen)
            if workers:
                async with working(chosen):
                    yield suite
            else:
                yield suite
    await database.close()


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """Runs a worker in this process."""
    worker = build_worker(settings, new_id)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def door(socket: Path) -> AsyncIterator[int]:
    """Lets TCP into a unix socket, as the embedded PostgreSQL has it; gives the port."""

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(socket))
        await asyncio.gather(_pour(reader, inner_writer), _pour(inner_reader, writer))

    server = await asyncio.start_server(through, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError):
        writer.close()


@dataclass
class PostgresSource:
    """A database of its own on the embedded PostgreSQL, with a role that may read it."""

    port: int
    database: str
    user: str
    password: str

    @property
    def url(self) -> str:
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{self.database}"

    def run(self, *statements: str) -> None:
        """Changes the database as its owner."""
        with postgres.server().connect(self.database) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def new_postgres_source(port: int) -> PostgresSource:
    """Makes a database with a role; what is made in it later, the role may read."""
    name, password = f"shop_{next(_numbers)}_{secrets.token_hex(3)}", secrets.token_hex(8)
    with postgres.server().connect() as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    source = PostgresSource(port, name, name, password)
    source.run(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {name}")
    return source


@dataclass
class SourceTenant(Tenant):
    """A company whose admin has sources."""

    @property
    def sources(self) -> SourcesServiceAsyncStub:
        return sources_pb2_grpc.SourcesServiceStub(self.suite.channel)

    async def create(
        self, url: str, tables: Iterable[str | Mapping[str, Any]], name: str = "shop", **fields: Any
    ) -> sources_pb2.Source:
        wanted = [
            sources_pb2.SourceTable(name=table) if isinstance(table, str) else sources_pb2.SourceTable(**table)
            for table in tables
        ]
        kind = {"postgres": "postgresql", "mariadb": "mysql"}.get(url.partition(":")[0], url.partition(":")[0])
        request = sources_pb2.CreateSourceRequest(**{"kind": kind, **fields}, name=name, url=url, tables=wanted)
        return await self.sources.CreateSource(request, metadata=self.bearer("admin"))

    async def change(self, name: str = "shop", **fields: Any) -> sources_pb2.Source:
        request = sources_pb2.UpdateSourceRequest(name=name, **fields)
        return await self.sources.UpdateSource(request, metadata=self.bearer("admin"))

    async def begin(self, name: str = "shop", *, full: bool = False) -> str:
        request = sources_pb2.RunSourceRequest(name=name, full=full)
        return (await self.sources.RunSource(request, metadata=self.bearer("admin"))).job_id

    async def copy(self, name: str = "shop", *, full: bool = False) -> job_pb2.Job:
        """Runs a source to its end; the sum of the counts must hold."""
        job = await self.ended(await self.begin(name, full=full))
        if job.status == job_pb2.JobStatus.SUCCEEDED:
            assert job.rows_read == job.rows_written + job.rows_unchanged + job.rows_rejected, job
        return job

    async def listed(self) -> list[sources_pb2.Source]:
        reply = await self.sources.ListSources(sources_pb2.ListSourcesRequest(), metadata=self.bearer("admin"))
        return list(reply.sources)

    async def state(self, table: str, name: str = "shop") -> sources_pb2.SourceTableState:
        source = next(source for source in await self.listed() if source.name == name)
        return next(state for state in source.table_states if state.name == table)

    async def left_out(self, job_id: str) -> list[data_pb2.RejectedRow]:
        request = data_pb2.ListRejectedRowsRequest(job_id=job_id, page_size=1000)
        return list((await self.data.ListRejectedRows(request, metadata=self.bearer("admin"))).rows)

    def rows(self, dataset: str, ending: str = "csv") -> list[dict[str, str]]:
        """Gives the rows of a CSV dataset in the lake."""
        file = self.lake / dataset / f"{dataset.rpartition('/')[2]}.{ending}"
        return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
