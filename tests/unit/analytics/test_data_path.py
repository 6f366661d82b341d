"""The way from the lake to a table: once per version, for all who wait, bounded, and never half of a file."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from analytics_service.datasets import CLAIMS, PAYMENTS, Dataset
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.kept_files import KeptFiles
from analytics_service.query_engine import Query, Source
from analytics_service.table_parser import TableParser
from analytics_service.tables import Table, Tables
from service_runtime.config import RuntimeSettings
from service_runtime.errors import ServiceError, Unavailable, Unprocessable
from service_runtime.lake import Lake, StoredObject, tenant_lake
from support import s3

TENANT = UUID(int=1)
FILE = "cassandra/reclamos/reclamos.csv"


class CountingParser(TableParser):
    """Counts the files that it parses."""

    parsed = 0

    async def parse(self, owner: str, dataset: Dataset, path: str, raw: Path, target: Path) -> dict[str, Any]:
        self.parsed += 1
        return await super().parse(owner, dataset, path, raw, target)


class RacingLake:
    """A lake in which another writer comes, `times` times, between the listing of a file and its copying."""

    def __init__(self, lake: Lake, write: Callable[[int], None], times: int) -> None:
        self._lake, self._write, self._times = lake, write, times

    def list(self, prefix: str) -> list[StoredObject]:
        return self._lake.list(prefix)

    def fetch(self, path: str, target: Path) -> StoredObject:
        if self._times:
            self._times -= 1
            self._write(self._times)
        return self._lake.fetch(path, target)


class House:
    """A lake, a cache and the tables between them."""

    def __init__(self, folder: Path, max_bytes: int = 10**9, url: str = "") -> None:
        where = RuntimeSettings(
            atalaya_lake=url or f"file://{folder / 'lake'}",
            aws_endpoint_url=s3.endpoint() if url else "",
            aws_access_key_id="k",
            aws_secret_access_key="s",
        )
        self.folder = folder
        self.engine = DuckDbEngine(folder / "cache", memory_limit="200MB", threads=1, concurrency=2, timeout=60)
        self.where = where
        self.lake: Any = tenant_lake(where, TENANT)
        self.kept = KeptFiles(folder / "cache", max_bytes)
        self.parser = CountingParser(self.engine)
        self.tables = Tables(self.lake_of, self.kept, self.parser, is_near=not url)

    def lake_of(self, tenant_id: UUID) -> Lake:
        return self.lake if tenant_id == TENANT else tenant_lake(self.where, tenant_id)

    async def states(self) -> list[str]:
        opened = await self.tables.open(TENANT, [CLAIMS])
        query = Query("t", "SELECT estado FROM reclamos ORDER BY 1", {"reclamos": opened["reclamos"].source()})
        return [row["estado"] for row in await self.engine.rows(query)]


def sources(tables: dict[str, Table]) -> dict[str, Source]:
    return {name: table.source() for name, table in tables.items()}


def racing(house: House, times: int) -> RacingLake:
    lake = house.lake
    return RacingLake(lake, lambda left: lake.put_bytes(f"estado\nnew-{left}\n".encode(), FILE), times)


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture(params=["file", "s3"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """The same rules hold for a lake in a folder and one on S3."""
    house = House(tmp_path, url=f"s3://{s3.new_bucket()}/lake" if request.param == "s3" else "")
    yield house
    await house.engine.close()


async def test_a_version_is_parsed_once_for_all_who_ask_at_once_and_later(house: House) -> None:
    house.lake.put_bytes(b"estado\na\n", FILE)
    assert await asyncio.gather(*(house.states() for _ in range(8))) == [["a"]] * 8
    await house.states()
    assert house.parser.parsed == 1


async def test_what_was_parsed_outlives_a_restart(house: House) -> None:
    house.lake.put_bytes(b"estado\na\n", FILE)
    await house.states()
    (house.folder / "cache" / "leftover.parquet").write_bytes(b"half")
    again = House(house.folder)
    again.lake = house.lake
    assert await again.states() == ["a"]
    assert again.parser.parsed == 0
    assert not (house.folder / "cache" / "leftover.parquet").exists()
    await again.engine.close()


async def test_a_kept_file_that_is_gone_or_cut_short_is_made_again(house: House) -> None:
    house.lake.put_bytes(b"estado\na\n", FILE)
    await house.states()
    for file in (house.folder / "cache").glob("*.parquet"):
        file.unlink()
    assert await house.states() == ["a"]
    for file in (house.folder / "cache").glob("*.parquet"):
        file.write_bytes(file.read_bytes()[:10])
    again = House(house.folder)
    again.lake = house.lake
    assert await again.states() == ["a"]
    assert (house.parser.parsed, again.parser.parsed) == (2, 1)
    await again.engine.close()


async def test_of_several_parts_only_the_changed_one_is_parsed_again(house: House) -> None:
    house.lake.put_bytes(b"estado\na\n", "cassandra/reclamos/1.csv")
    house.lake.put_bytes(b"ID,ESTADO\n1,b\n", "cassandra/reclamos/2.csv")
    house.lake.put_bytes(b"estado\nhidden\n", "cassandra/reclamos/_3.csv")
    assert await house.states() == ["a", "b"]
    house.lake.put_bytes(b"estado,id\nc,1\n", "cassandra/reclamos/2.csv")
    assert await house.states() == ["a", "c"]
    assert house.parser.parsed == 3


async def test_a_file_replaced_after_it_was_listed_is_read_anew(house: House) -> None:
    house.lake.put_bytes(b"estado\nold\n", FILE)
    house.lake = racing(house, times=2)
    assert await house.states() == ["new-0"]
    assert house.parser.parsed == 1


async def test_a_file_removed_after_it_was_listed_is_not_there(house: House) -> None:
    house.lake.put_bytes(b"estado\nold\n", FILE)
    lake = house.lake
    house.lake = RacingLake(lake, lambda _: lake.delete(FILE), times=1)
    with pytest.raises(ServiceError) as caught:
        await house.states()
    assert (caught.value.http_status, caught.value.metadata["path"]) == (404, FILE)


async def test_a_file_that_keeps_changing_is_said_to(house: House) -> None:
    house.lake.put_bytes(b"estado\nold\n", FILE)
    house.lake = racing(house, times=100)
    with pytest.raises(ServiceError) as caught:
        await house.states()
    assert (caught.value.http_status, caught.value.reason) == (503, "LAKE_CHANGING")


async def test_what_a_racing_writer_puts_is_read_whole_or_not_at_all(house: House) -> None:
    """Each version says the same in every row; no answer mixes two, and the last one is seen by who asks after it."""
    rows, versions = 2_000, 25
    lake = house.lake

    def write() -> None:
        for version in range(versions):
            lake.put_bytes(b"estado\n" + f"v{version}\n".encode() * rows, FILE)

    lake.put_bytes(b"estado\n" + b"v\n" * rows, FILE)
    writing = asyncio.create_task(asyncio.to_thread(write))
    seen = 0
    while not writing.done():
        with contextlib.suppress(Unavailable):
            states = await house.states()
            assert (len(states), len(set(states))) == (rows, 1)
            seen += 1
    await writing
    assert set(await house.states()) == {f"v{versions - 1}"}
    assert seen


async def test_a_file_that_is_written_in_place_while_it_is_copied_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.lake.put_bytes(b"estado\n" + b"a\n" * 1_000, FILE)
    there = tmp_path / "lake" / f"tenant={TENANT}" / FILE
    copy = shutil.copyfileobj
    written: list[int] = []

    def copy_and_be_late(source: Any, target: Any, length: int = 0) -> None:
        copy(source, target, length)
        if not written:
            written.append(there.write_bytes(b"estado\n" + b"b\n" * 999))

    monkeypatch.setattr(shutil, "copyfileobj", copy_and_be_late)
    assert await house.states() == ["b"] * 999
    await house.engine.close()


async def test_a_file_that_is_no_table_is_said_to_be_unreadable(house: House) -> None:
    house.lake.put_bytes(b"PAR1 not really", "cassandra/reclamos/reclamos.parquet")
    with pytest.raises(Unprocessable) as caught:
        await house.states()
    assert caught.value.reason == "DATASET_UNREADABLE"
    assert str(house.folder) not in caught.value.message


async def test_a_lake_that_is_away_says_so_without_its_keys(tmp_path: Path) -> None:
    away = RuntimeSettings(
        atalaya_lake="s3://bucket/lake",
        aws_endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="the-key",
        aws_secret_access_key="the-secret",
    )
    house = House(tmp_path)
    house.lake = tenant_lake(away, TENANT)
    with pytest.raises(ServiceError) as caught:
        await house.states()
    assert (caught.value.http_status, caught.value.reason) == (503, "LAKE_UNAVAILABLE")
    assert "the-" not in f"{caught.value} {caught.value.metadata}"
    await house.engine.close()


async def test_the_folder_stays_within_its_bound_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    house = House(tmp_path, max_bytes=2_000)
    for number in range(6):
        house.lake.put_bytes(b"monto\n1\n", f"cassandra/pagos/{number}.csv")
    tables = await house.tables.open(TENANT, [PAYMENTS])
    with house.tables.in_use(tables):
        # What a question needs at once stays as long as it is asked.
        assert len(list((tmp_path / "cache").glob("*.parquet"))) == 6
    files = list((tmp_path / "cache").glob("*.parquet"))
    assert 1 <= len(files) < 6
    assert sum(file.stat().st_size for file in files) <= 2_000
    assert tables["pagos"].parts[-1].path in files
    await house.engine.close()


async def test_many_who_need_more_than_the_folder_holds_all_get_their_answers(tmp_path: Path) -> None:
    house = House(tmp_path, max_bytes=3_000)
    for tenant in range(12):
        lake = house.lake_of(UUID(int=tenant))
        lake.put_bytes(f"estado\nof {tenant}\n".encode(), FILE)
        lake.put_bytes(b"monto\n1\n", "cassandra/pagos/pagos.csv")

    async def ask(tenant: int) -> None:
        for _ in range(3):
            opened = await house.tables.open(UUID(int=tenant), [CLAIMS, PAYMENTS])
            with house.tables.in_use(opened):
                query = Query(str(tenant), "SELECT estado FROM reclamos, pagos", sources(opened))
                assert await house.engine.rows(query) == [{"estado": f"of {tenant}"}]

    await asyncio.gather(*(ask(tenant) for tenant in range(12)))
    files = list((tmp_path / "cache").glob("*.parquet"))
    assert 1 <= len(files) < 24
    assert sum(file.stat().st_size for file in files) <= 3_000
    await house.engine.close()


async def test_a_file_larger_than_the_folder_may_hold_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path, max_bytes=1_000)
    house.lake.put_bytes(b"estado\n" + b"a\n" * 1_000, FILE)
    with pytest.raises(ServiceError) as caught:
        await house.states()
    assert (caught.value.http_status, caught.value.reason) == (503, "CACHE_UNAVAILABLE")
    assert "ANALYTICS_CACHE_BYTES" in caught.value.message
    await house.engine.close()


async def test_where_others_fill_the_disk_kept_files_make_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, free = KeptFiles(tmp_path, max_bytes=10**9), [10**9]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0] + freed()))
    for name in ("a", "b", "c"):
        with kept.incoming(".parquet") as made:
            made.write_bytes(b"x" * 1000)
            kept.keep(name, "somebody", made, {})

    def freed() -> int:
        return 1000 * (3 - len(list(tmp_path.glob("*.parquet"))))

    free[0] = 32 * 1024**2 + 4_000
    async with kept.room(5_000):
        assert names_in(tmp_path) == ["b.json", "b.parquet", "c.json", "c.parquet", "incoming"]
    with pytest.raises(ServiceError) as caught:
        async with kept.room(10_000):
            pass
    assert (caught.value.http_status, caught.value.reason) == (503, "CACHE_UNAVAILABLE")
    # What was promised is given back.
    free[0] = 2 * 10**9
    async with kept.room(10**9):
        pass


async def test_a_full_disk_is_said_to_be_one(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, max_bytes=10)
    with pytest.raises(ServiceError) as caught, kept.incoming(".parquet"):
        raise OSError(28, "No space left on device")
    assert (caught.value.http_status, caught.value.reason) == (503, "CACHE_UNAVAILABLE")


async def test_files_in_use_are_not_thrown_away(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, max_bytes=10)
    files = []
    for name in ("a", "b", "c"):
        with kept.incoming(".parquet") as made:
            made.write_bytes(b"12345678")
            file = kept.keep(name, "somebody", made, {})
        files.append(file)
        if name == "a":
            hold = kept.in_use([file])
            hold.__enter__()
    assert files[0].path.exists()
    assert not files[1].path.exists()
    hold.__exit__(None, None, None)
    assert not files[0].path.exists()
    assert files[2].path.exists()
