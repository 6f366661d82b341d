"""Inserts the first rows of accounts as they come: where an account had none, nothing can be equal to them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from service_runtime.database import Session
from sqlalchemy import text

from ingest_service.binary_rows import BEGINNING, END, binary_rows
from ingest_service.counter_store import ImportNumbers
from ingest_service.record_kinds import RecordKind
from ingest_service.seen_keys import SeenKeys

# Rows that are written at once.
_PIECE = 2_000


@dataclass(frozen=True)
class ReadyRows:
    """Rows as COPY takes them in binary, and the names of their columns."""

    names: Sequence[str]
    pieces: Sequence[bytes]


@dataclass(frozen=True)
class FirstBatch:
    """First rows that are ready, and which partitions of the lake they are of."""

    count: int
    rows: ReadyRows
    partitions: set[tuple[int, str]]


class FirstRows:
    """Rows of one import whose accounts had none before, each key's first; inside the caller's transaction.

    It is exact only while no other import of the tenant's runs; a record that somebody adds singly meanwhile is seen by
    its key.
    """

    def __init__(
        self,
        session: Session,
        driver: psycopg.AsyncConnection,
        tenant_id: UUID,
        kind: RecordKind,
        numbers: ImportNumbers,
    ) -> None:
        self._session = session
        self._driver = driver
        self._tenant_id = tenant_id
        self._kind = kind
        self._numbers = numbers
        self._accounts = pa.array([], pa.int32())
        self._seen = SeenKeys()
        self.written = 0
        self.partitions: set[tuple[int, str]] = set()

    async def begin(self, accounts: Sequence[int]) -> None:
        """Finds which of the accounts have no records yet."""
        found = await self._session.execute(
            text(
                "SELECT number FROM unnest(CAST(:accounts AS integer[])) AS number WHERE NOT EXISTS "  # noqa: S608
                f"(SELECT FROM {self._kind.name} WHERE id_usuario = number)"
            ),
            {"accounts": list(accounts)},
        )
        self._accounts = pa.array(found.scalars(), pa.int32())
        columns = ", ".join((self._kind.number, *self._kind.columns))
        async with self._driver.cursor() as cursor:
            await cursor.execute(
                f"CREATE TEMP TABLE first_rows ON COMMIT DROP AS SELECT {columns} "  # noqa: S608
                f"FROM {self._kind.name} WHERE false".encode()
            )

    def among(self, rows: pa.Table) -> pa.BooleanArray:
        """Tells which rows may be inserted at once: of accounts without records, and the first with their key."""
        is_first = pc.is_in(rows.column("id_usuario"), self._accounts).to_numpy()
        if is_first.any():
            hashes = rows.column("key_hash").to_numpy()
            is_first[is_first] = self._seen.are_new(hashes[is_first])
        return _flags(is_first)

    def prepare(self, rows: pa.Table) -> FirstBatch:
        """Makes such rows ready, each with its place among them; runs in a thread."""
        places = np.arange(1, rows.num_rows + 1, dtype=np.int32)
        rows = rows.append_column(
            self._kind.number, pa.Array.from_buffers(pa.int32(), rows.num_rows, [None, pa.py_buffer(places)])
        )
        # An account's rows side by side: index pages are visited once each, and the lake's copy finds rows together.
        rows = rows.take(pc.sort_indices(rows, [("id_usuario", "ascending"), (self._kind.number, "ascending")]))
        ready = ready_to_copy(rows.select((self._kind.number, *self._kind.columns)))
        return FirstBatch(rows.num_rows, ready, self._partitions(rows))

    async def insert(self, batch: FirstBatch) -> bool:
        """Inserts them, numbered in their order; does nothing, and says so, where one has come to be there."""
        taking = asyncio.create_task(self._numbers.take(batch.count))
        try:
            await copy_in(self._driver, "first_rows", batch.rows)
        finally:
            await asyncio.gather(taking, return_exceptions=True)
        before = taking.result()
        columns = ", ".join(self._kind.columns)
        inserted = await insert_new(
            self._driver,
            f"INSERT INTO {self._kind.name} (tenant_id, {self._kind.number}, {columns}) "  # noqa: S608
            f"SELECT '{self._tenant_id}', {before} + {self._kind.number}, {columns} FROM first_rows",
        )
        await self._driver.execute("TRUNCATE first_rows")
        if inserted is None:
            return False
        self.written += batch.count
        self.partitions |= batch.partitions
        return True

    def _partitions(self, rows: pa.Table) -> set[tuple[int, str]]:
        accounts = rows.column("id_usuario")
        if not self._kind.by_month:
            return {(number, "") for number in pc.unique(accounts).to_pylist()}
        times = rows.column(self._kind.time).cast(pa.timestamp("us", "UTC"))
        months = pc.add(pc.multiply(pc.year(times), pa.scalar(100)), pc.month(times))
        found = pc.unique(pc.add(pc.multiply(accounts.cast(pa.int64()), pa.scalar(1_000_000)), months))
        split = (divmod(value, 1_000_000) for value in found.to_pylist())
        return {(number, f"{month // 100:04d}-{month % 100:02d}") for number, month in split}


async def insert_new(driver: psycopg.AsyncConnection, statement: str) -> int | None:
    """Inserts rows; gives how many, and None where nothing was inserted because one was there already."""
    async with driver.cursor() as cursor:
        await cursor.execute("SAVEPOINT new_rows")
        try:
            await cursor.execute(statement.encode())
        except psycopg.errors.UniqueViolation as error:
            if not (error.diag.constraint_name or "").endswith("_key"):
                raise
            await cursor.execute("ROLLBACK TO SAVEPOINT new_rows")
            return None
        inserted = max(0, cursor.rowcount)
        await cursor.execute("RELEASE SAVEPOINT new_rows")
        return inserted


def ready_to_copy(rows: pa.Table) -> ReadyRows:
    """Writes rows in COPY's form; takes its time, so it belongs in a thread."""
    # In pieces: what is handed over at once, the driver keeps room for ever after.
    batches = rows.combine_chunks().to_batches(max_chunksize=_PIECE)
    return ReadyRows(rows.schema.names, [binary_rows(batch) for batch in batches])


async def copy_in(driver: psycopg.AsyncConnection, table: str, rows: ReadyRows) -> None:
    """Copies rows into a temporary table with the same columns."""
    statement = f"COPY {table} ({', '.join(rows.names)}) FROM STDIN (FORMAT binary)"
    async with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for piece in (BEGINNING, *rows.pieces, END):
            await copy.write(piece)


def _flags(values: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pa.BooleanArray:
    # pyarrow.array() of a numpy array would import pandas wherever it is installed.
    packed = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(packed)])
