"""Writes imported posts and metrics: what may be there already through a temporary table, the rest at once."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from service_runtime.database import Session
from sqlalchemy import text

from ingest_service.counter_store import take_numbers
from ingest_service.first_rows_store import FirstRows, copy_in
from ingest_service.lake_changes_store import ONCE_MORE, LakeChanges
from ingest_service.record_kinds import RecordKind

# New rows that go in by one statement; between two, the job reports and may be told to stop.
_SLICE = 100_000


@dataclass
class Written:
    """What became of the rows that were copied in."""

    written: int = 0
    unchanged: int = 0


class RecordLoad:
    """One import's rows on their way into the record, inside the caller's transaction."""

    def __init__(self, session: Session, driver: psycopg.AsyncConnection, tenant_id: UUID, kind: RecordKind) -> None:
        self._session = session
        self._driver = driver
        self._tenant_id = tenant_id
        self._kind = kind
        self._changes = LakeChanges()
        self._first_rows = FirstRows(session, driver, tenant_id, kind)
        # The highest number that is not of this import.
        self._before = 0
        self._copied = 0
        self._slice_ends: list[int] = []

    async def take_turn(self) -> None:
        """Waits for other writers of this tenant's records of the kind: numbers, keys and accounts stay as they are."""
        self._before = await take_numbers(self._session, self._tenant_id, self._kind.name, 0)

    async def begin(self, accounts: Sequence[int]) -> None:
        """Prepares for rows of these accounts: rows cannot be copied straight into a table with row-level security."""
        columns = ", ".join(self._kind.columns)
        await self._run("SET LOCAL work_mem = '64MB'; SET LOCAL timezone = 'UTC'")
        await self._first_rows.begin(accounts)
        await self._run(
            f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT 0 AS line, {columns} "  # noqa: S608
            f"FROM {self._kind.name} WHERE false"
        )

    async def copy(self, rows: pa.Table) -> None:
        """Adds rows, whose lines grow from call to call."""
        if not rows.num_rows:
            return
        is_first = self._first_rows.among(rows)
        if pc.all(is_first).as_py():
            await self._first_rows.insert(rows)
            return
        await self._first_rows.insert(rows.filter(is_first))
        rows = rows.filter(pc.invert(is_first))
        await copy_in(self._driver, "incoming", rows.select(("line", *self._kind.columns)))
        self._copied += rows.num_rows
        if self._copied >= _SLICE * (len(self._slice_ends) + 1):
            self._slice_ends.append(rows.column("line")[-1].as_py())

    async def settle(self) -> AsyncIterator[Written]:
        """Brings the rows into the record; gives the counts so far after each step, the last one complete."""
        done = Written(written=self._first_rows.written)
        if self._copied:
            async for _ in self._settle_incoming(done):
                yield done
        await self._changes.take_turn(self._session, self._tenant_id)
        if self._copied:
            await self._note_changed_partitions()
        await self._changes.note(self._session, self._tenant_id, self._kind, self._first_rows.partitions)
        yield done

    async def _settle_incoming(self, done: Written) -> AsyncIterator[None]:
        await self._run("CREATE INDEX ON incoming USING brin (line)")
        await self._run("ANALYZE incoming")
        done.unchanged += await self._drop_superseded()
        matched = await self._match()
        if matched:
            changed = await self._update()
            done.written += changed
            done.unchanged += matched - changed
        yield
        low = 0
        for high in [*self._slice_ends, 2**31 - 1]:
            done.written += await self._insert(low, high)
            low = high
            yield

    async def account_numbers(self) -> list[int]:
        rows = await self._session.execute(text("SELECT DISTINCT id_usuario FROM incoming"))
        return sorted(
            {number for number, _ in self._first_rows.partitions} | {int(number) for number in rows.scalars()}
        )

    async def _drop_superseded(self) -> int:
        """Of rows with one key the last stays; those before it count as unchanged, so that every row counts once."""
        key = ", ".join(self._kind.key)
        same = " AND ".join(f"earlier.{column} = twice.{column}" for column in self._kind.key)
        return await self._run(
            f"DELETE FROM incoming AS earlier USING (SELECT {key}, max(line) AS line FROM incoming "  # noqa: S608
            f"GROUP BY {key} HAVING count(*) > 1) AS twice WHERE {same} AND earlier.line < twice.line"
        )

    async def _match(self) -> int:
        """Finds the rows that the record has, and whether they differ."""
        kind = self._kind
        differs = f"({_listed('kept', kind.values)}) IS DISTINCT FROM ({_listed('incoming', kind.values)})"
        return await self._run(
            f"CREATE TEMP TABLE matched ON COMMIT DROP AS SELECT incoming.line, kept.{kind.number} AS number, "  # noqa: S608
            f"kept.id_usuario, {kind.month.format(row='kept')} AS mes, {differs} AS differs "
            f"FROM incoming JOIN {kind.name} AS kept ON {_same('kept', 'incoming', kind.key)}"
        )

    async def _update(self) -> int:
        """Updates the rows that differ; gives how many of them this import did not itself insert."""
        kind = self._kind
        await self._run("CREATE INDEX ON matched (line)")
        await self._run("ANALYZE matched")
        changes = ", ".join(f"{column} = incoming.{column}" for column in kind.values)
        await self._run(
            f"UPDATE {kind.name} AS kept SET {changes} FROM incoming JOIN matched USING (line) "  # noqa: S608
            f"WHERE matched.differs AND kept.{kind.number} = matched.number"
        )
        counted = text("SELECT count(*) FROM matched WHERE differs AND number <= :before")
        return int((await self._session.execute(counted, {"before": self._before})).scalar_one())

    async def _insert(self, low: int, high: int) -> int:
        """Inserts the new rows of some lines, numbered in the file's order."""
        kind = self._kind
        before = await take_numbers(self._session, self._tenant_id, kind.name, 0)
        inserted = await self._run(
            f"INSERT INTO {kind.name} (tenant_id, {kind.number}, {', '.join(kind.columns)}) "  # noqa: S608
            f"SELECT '{self._tenant_id}', {before} + row_number() OVER (ORDER BY line), {', '.join(kind.columns)} "
            f"FROM incoming WHERE line > {low} AND line <= {high} "
            "AND NOT EXISTS (SELECT FROM matched WHERE matched.line = incoming.line) ORDER BY line"
        )
        if inserted:
            await take_numbers(self._session, self._tenant_id, kind.name, inserted)
        return inserted

    async def _note_changed_partitions(self) -> None:
        """Notes which partitions of the lake have changed, the ones that rows moved away from too."""
        kind = self._kind
        touched = (
            "SELECT id_usuario, mes FROM matched WHERE differs UNION "  # noqa: S608
            f"SELECT incoming.id_usuario, {kind.month.format(row='incoming')} "
            "FROM incoming LEFT JOIN matched USING (line) WHERE matched.differs IS NOT false"
        )
        await self._run(
            "INSERT INTO lake_partitions (tenant_id, kind, id_usuario, mes) "  # noqa: S608
            f"SELECT '{self._tenant_id}', '{kind.name}', * FROM ({touched}) AS touched (id_usuario, mes) {ONCE_MORE}"
        )

    async def _run(self, statement: str) -> int:
        async with self._driver.cursor() as cursor:
            await cursor.execute(statement.encode())
            return max(0, cursor.rowcount)


def _listed(row: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{row}.{column}" for column in columns)


def _same(first: str, second: str, columns: Sequence[str]) -> str:
    return " AND ".join(f"{first}.{column} = {second}.{column}" for column in columns)
