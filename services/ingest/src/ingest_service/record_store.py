"""Writes imported posts and metrics: what may be there already through a temporary table, the rest at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from service_runtime.database import Session
from sqlalchemy import text

from ingest_service.counter_store import ImportNumbers, take_import_turn
from ingest_service.first_rows_store import FirstBatch, FirstRows, ReadyRows, copy_in, insert_new, ready_to_copy
from ingest_service.lake_changes_store import ONCE_MORE, LakeChanges
from ingest_service.record_kinds import RecordKind

# New rows that go in by one statement; between two, the job reports and may be told to stop.
_SLICE = 100_000
_LAST = 2**31 - 1


@dataclass
class Written:
    """What became of the rows that were copied in."""

    written: int = 0
    unchanged: int = 0


@dataclass(frozen=True)
class Incoming:
    """Rows for the temporary table that are ready."""

    count: int
    rows: ReadyRows
    last_line: int


@dataclass(frozen=True)
class Prepared:
    """A batch of typed rows, and the two ways that they take."""

    rows: pa.Table
    first: FirstBatch | None
    later: Incoming | None


class RecordLoad:
    """One import's rows on their way into the record, inside the caller's transaction."""

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
        self._changes = LakeChanges()
        self._numbers = numbers
        self._first_rows = FirstRows(session, driver, tenant_id, kind, numbers)
        self._copied = 0
        # How often what the record has was looked up.
        self._looks = 0
        self._slice_ends: list[int] = []

    async def take_turn(self) -> None:
        """Waits for other imports of this tenant's records of the kind; accounts stay as they are, single records may
        change meanwhile."""
        await take_import_turn(self._session, self._tenant_id, self._kind.name)

    async def begin(self, accounts: Sequence[int]) -> None:
        """Prepares for rows of these accounts: rows cannot be copied straight into a table with row-level security."""
        columns = ", ".join(self._kind.columns)
        await self._run("SET LOCAL work_mem = '64MB'; SET LOCAL timezone = 'UTC'")
        await self._first_rows.begin(accounts)
        await self._run(
            f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT 0 AS line, {columns} "  # noqa: S608
            f"FROM {self._kind.name} WHERE false"
        )
        await self._run(
            "CREATE TEMP TABLE matched "
            "(line integer, number integer, id_usuario integer, mes text, differs boolean, look integer) ON COMMIT DROP"
        )

    def prepare(self, rows: pa.Table) -> Prepared:
        """Makes rows, whose lines grow from call to call, ready to be copied; runs in a thread."""
        is_first = self._first_rows.among(rows)
        # Most batches have one kind of rows alone, and need no copy of them.
        if (count := is_first.true_count) in (0, rows.num_rows):
            first, later = rows.slice(0, count), rows.slice(count)
        else:
            first, later = rows.filter(is_first), rows.filter(pc.invert(is_first))
        return Prepared(
            rows,
            self._first_rows.prepare(first) if first.num_rows else None,
            self._incoming(later) if later.num_rows else None,
        )

    async def copy(self, batch: Prepared) -> None:
        """Adds rows in the order in which they were prepared."""
        later = batch.later
        if batch.first is not None and not await self._first_rows.insert(batch.first):
            later = await asyncio.to_thread(self._incoming, batch.rows)
        if later is None:
            return
        await copy_in(self._driver, "incoming", later.rows)
        self._copied += later.count
        if self._copied >= _SLICE * (len(self._slice_ends) + 1):
            self._slice_ends.append(later.last_line)

    def _incoming(self, rows: pa.Table) -> Incoming:
        ready = ready_to_copy(rows.select(("line", *self._kind.columns)))
        return Incoming(rows.num_rows, ready, rows.column("line")[-1].as_py())

    async def settle(self) -> AsyncIterator[Written]:
        """Brings the rows into the record; gives the counts so far after each step, the last one complete."""
        done = Written(written=self._first_rows.written)
        if self._copied:
            async for _ in self._settle_incoming(done):
                yield done
        if self._copied:
            await self._find_changed_partitions()
        # From here on single changes wait.
        await self._changes.take_turn(self._session, self._tenant_id)
        if self._copied:
            await self._note_changed_partitions()
        await self._changes.note(self._session, self._tenant_id, self._kind, self._first_rows.partitions)
        yield done

    async def _settle_incoming(self, done: Written) -> AsyncIterator[None]:
        await self._run("CREATE INDEX ON incoming USING brin (line)")
        await self._run("ANALYZE incoming")
        done.unchanged += await self._drop_superseded()
        await self._run("CREATE INDEX ON matched (line)")
        await self._bring_up_to_date(done, 0, _LAST)
        yield
        low = 0
        for high in [*self._slice_ends, _LAST]:
            while (inserted := await self._insert(low, high)) is None:
                # Somebody has added one of them singly since.
                await self._bring_up_to_date(done, low, high)
            done.written += inserted
            low = high
            yield

    async def _bring_up_to_date(self, done: Written, low: int, high: int) -> None:
        """Finds the rows of some lines that the record has by now, and updates those that differ."""
        matched = await self._match(low, high)
        if matched:
            gone = await self._hold()
            changed = await self._update()
            done.written += changed
            done.unchanged += matched - gone - changed

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

    async def _match(self, low: int, high: int) -> int:
        """Finds the rows that the record has, among those not found before, and whether they differ."""
        kind = self._kind
        self._looks += 1
        differs = f"({_listed('kept', kind.values)}) IS DISTINCT FROM ({_listed('incoming', kind.values)})"
        matched = await self._run(
            f"INSERT INTO matched SELECT incoming.line, kept.{kind.number}, kept.id_usuario, "  # noqa: S608
            f"{kind.month.format(row='kept')}, {differs}, {self._looks} "
            f"FROM incoming JOIN {kind.name} AS kept ON {_same('kept', 'incoming', kind.key)} "
            f"WHERE {_new_between(low, high)}"
        )
        await self._run("ANALYZE matched")
        return matched

    async def _hold(self) -> int:
        """Keeps the rows that differ as they are by now, so that nobody else changes them: where they are in the lake,
        and whether they are still there. Gives how many are not; these are new again."""
        kind = self._kind
        await self._run("DROP TABLE IF EXISTS held")
        await self._run(
            "CREATE TEMP TABLE held ON COMMIT DROP AS SELECT matched.line, "  # noqa: S608
            f"{kind.month.format(row='kept')} AS mes FROM matched JOIN incoming USING (line) JOIN {kind.name} AS kept "
            f"ON kept.{kind.number} = matched.number AND {_same('kept', 'incoming', kind.key)} "
            f"WHERE matched.differs AND matched.look = {self._looks} FOR NO KEY UPDATE OF kept"
        )
        await self._run("CREATE INDEX ON held (line)")
        await self._run(
            "UPDATE matched SET mes = held.mes FROM held WHERE held.line = matched.line AND held.mes <> matched.mes"
        )
        return await self._run(
            f"DELETE FROM matched WHERE differs AND look = {self._looks} "  # noqa: S608
            "AND NOT EXISTS (SELECT FROM held WHERE held.line = matched.line)"
        )

    async def _update(self) -> int:
        """Updates the rows that are held; gives how many of them this import did not itself insert."""
        kind = self._kind
        await self._run("ANALYZE held")
        changes = ", ".join(f"{column} = incoming.{column}" for column in kind.values)
        await self._run(
            f"UPDATE {kind.name} AS kept SET {changes} FROM incoming JOIN matched USING (line) "  # noqa: S608
            f"JOIN held USING (line) WHERE kept.{kind.number} = matched.number"
        )
        own = " OR ".join(f"number BETWEEN {first} AND {last}" for first, last in self._numbers.ranges) or "false"
        counted = text(f"SELECT count(*) FROM matched JOIN held USING (line) WHERE NOT ({own})")  # noqa: S608
        return int((await self._session.execute(counted)).scalar_one())

    async def _insert(self, low: int, high: int) -> int | None:
        """Inserts the new rows of some lines, numbered in the file's order; None where one has come to be there."""
        kind = self._kind
        new = f"FROM incoming WHERE {_new_between(low, high)}"
        count = int((await self._session.execute(text(f"SELECT count(*) {new}"))).scalar_one())
        if not count:
            return 0
        before = await self._numbers.take(count)
        return await insert_new(
            self._driver,
            f"INSERT INTO {kind.name} (tenant_id, {kind.number}, {', '.join(kind.columns)}) "
            f"SELECT '{self._tenant_id}', {before} + row_number() OVER (ORDER BY line), {', '.join(kind.columns)} "
            f"{new} ORDER BY line",
        )

    async def _find_changed_partitions(self) -> None:
        """Finds which partitions of the lake have changed, the ones that rows moved away from too."""
        await self._run(
            "CREATE TEMP TABLE touched ON COMMIT DROP AS SELECT id_usuario, mes FROM matched WHERE differs UNION "  # noqa: S608
            f"SELECT incoming.id_usuario, {self._kind.month.format(row='incoming')} "
            "FROM incoming LEFT JOIN matched USING (line) WHERE matched.differs IS NOT false"
        )

    async def _note_changed_partitions(self) -> None:
        await self._run(
            "INSERT INTO lake_partitions (tenant_id, kind, id_usuario, mes) "  # noqa: S608
            f"SELECT '{self._tenant_id}', '{self._kind.name}', * FROM touched {ONCE_MORE}"
        )

    async def _run(self, statement: str) -> int:
        async with self._driver.cursor() as cursor:
            await cursor.execute(statement.encode())
            return max(0, cursor.rowcount)


def _new_between(low: int, high: int) -> str:
    """SQL for the incoming rows of some lines that the record is not known to have."""
    return (
        f"incoming.line > {low} AND incoming.line <= {high} "
        "AND NOT EXISTS (SELECT FROM matched WHERE matched.line = incoming.line)"
    )


def _listed(row: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{row}.{column}" for column in columns)


def _same(first: str, second: str, columns: Sequence[str]) -> str:
    return " AND ".join(f"{first}.{column} = {second}.{column}" for column in columns)
