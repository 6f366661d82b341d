"""Files of a million rows: within bounded memory, and without anybody else waiting for them."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from analytics_service import csv_repair
from analytics_service.csv_repair import repaired
from analytics_service.csv_text import UnreadableCsv, inspect
from analytics_service.datasets import CLAIMS
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.kept_files import KeptFiles
from analytics_service.query_engine import Query
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables
from pyarrow import parquet as pq
from service_runtime.config import RuntimeSettings
from service_runtime.lake import Lake, tenant_lake

ROWS = 1_000_000
HEAVY, LIGHT = UUID(int=1), UUID(int=2)
FILE = "cassandra/reclamos/reclamos.csv"
HEADER = b"id,policy_number,estado,monto,fecha_reclamo\n"
ROW = b"7b0c2a1e-0000-4000-a000-%012d,POL-%08d,aprobado,1234.56,2024-05-01T10:20:30\n"
# What DuckDB may take, its readers' buffers, and the columns in the making.
MOST_GROWTH_MB = 450


class House:
    """A lake, a cache and the tables between them, as the service has them."""

    def __init__(self, folder: Path) -> None:
        self.where = RuntimeSettings(atalaya_lake=f"file://{folder / 'lake'}")
        self.engine = DuckDbEngine(folder / "cache", memory_limit="400MB", threads=2, concurrency=4, timeout=60)
        self.kept = KeptFiles(folder / "cache", 10**9)
        self.tables = Tables(self.lake, self.kept, TableParser(self.engine), is_near=True)

    def lake(self, tenant_id: UUID) -> Lake:
        return tenant_lake(self.where, tenant_id)

    async def total(self, tenant_id: UUID) -> tuple[int, float]:
        opened = await self.tables.open(tenant_id, [CLAIMS])
        with self.tables.in_use(opened):
            source = {"reclamos": opened["reclamos"].source()}
            sql = "SELECT count(*) AS claims, sum(monto) AS amount FROM reclamos"
            (row,) = await self.engine.rows(Query(str(tenant_id), sql, source))
            return row["claims"], row["amount"]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    yield house
    await house.engine.close()


def claims(rows: int, *, dirty: bool) -> bytes:
    """The rows; where they are dirty, one has a cell too many, so that all have to be told apart one by one."""
    lines = b"".join(ROW % (number, number % 50_000) for number in range(rows))
    return HEADER + lines + (ROW.replace(b"\n", b",more\n") % (rows, 1) if dirty else b"")


@pytest.mark.parametrize("size", ["small", "large"])
async def test_a_file_is_repaired_alike_in_this_process_and_in_one_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    monkeypatch.setattr(csv_repair, "_LARGE_BYTES", 0 if size == "large" else 10**9)
    path, target = tmp_path / "it's.csv", tmp_path / "out.parquet"
    path.write_bytes(b'\xef\xbb\xbfa,b\n1\n\n2,"x\r\ny",z\n\xff,3\n')
    await repaired(inspect(path), target)
    assert pq.read_table(target).to_pylist() == [
        {"c0": "1", "c1": ""},
        {"c0": "2", "c1": "x\r\ny"},
        {"c0": "\ufffd", "c1": "3"},
    ]


async def test_a_process_of_its_own_tells_that_a_file_is_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_repair, "_LARGE_BYTES", 0)
    endless = tmp_path / "endless.csv"
    endless.write_bytes(b'a,b\n1,"' + b"x" * (65 * 1024 * 1024))
    with pytest.raises(UnreadableCsv):
        await repaired(inspect(endless), tmp_path / "out.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("dirty", [False, True])
async def test_a_million_rows_are_read_within_bounded_memory(house: House, dirty: bool) -> None:
    content = claims(ROWS, dirty=dirty)
    house.lake(HEAVY).put_bytes(content, FILE)
    del content
    # Whatever is loaded once.
    house.lake(LIGHT).put_bytes(claims(10, dirty=dirty), FILE)
    await house.total(LIGHT)
    before = resident("VmRSS")
    count_from_now()
    count, amount = await house.total(HEAVY)
    assert count == ROWS + dirty
    assert amount == pytest.approx(1234.56 * count)
    assert resident("VmHWM") - before < MOST_GROWTH_MB


def count_from_now() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def resident(what: str) -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(what)) / 1000


@pytest.mark.slow
@pytest.mark.parametrize("dirty", [False, True])
async def test_others_do_not_wait_for_who_has_large_files(house: House, dirty: bool) -> None:
    for part in range(6):
        house.lake(HEAVY).put_bytes(claims(ROWS // 4, dirty=dirty), f"cassandra/reclamos/{part}.csv")
    for number in range(8):
        house.lake(LIGHT).put_bytes(claims(number + 1, dirty=dirty), FILE)
        assert (await house.total(LIGHT))[0] == number + 1 + dirty
    heavy, started = asyncio.create_task(house.total(HEAVY)), time.perf_counter()
    waits = []
    for number in range(8):
        await asyncio.sleep(0)
        assert not heavy.done()
        house.lake(LIGHT).put_bytes(claims(number + 20, dirty=dirty), FILE)
        began = time.perf_counter()
        assert (await house.total(LIGHT))[0] == number + 20 + dirty
        waits.append(time.perf_counter() - began)
    assert (await heavy)[0] == ROWS // 4 * 6 + 6 * dirty
    print(f"others waited {max(waits):.2f} s at most", file=sys.stderr)
    # Six files are parsed two at a time; who waited behind them would have waited for all.
    assert max(waits) < (time.perf_counter() - started) / 2
