"""A large CSV file is parsed in pieces: they are the file, and after a change only those with the change are new."""

import os
import random
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from analytics_service import csv_pieces
from analytics_service.csv_pieces import Piece, pieces_of, write_piece
from analytics_service.datasets import CLAIMS
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.kept_files import KeptFiles
from analytics_service.query_engine import Query
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables
from service_runtime.config import RuntimeSettings
from service_runtime.errors import Unprocessable
from service_runtime.lake import tenant_lake

TENANT = UUID(int=1)
FILE = CLAIMS.path
HEADER = b"id,policy_number,estado,monto,fecha_reclamo\n"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_pieces, "_SMALLEST_BYTES", 4096)
    monkeypatch.setattr(csv_pieces, "_ROWS_LOOKED_AT", 16)


def row(number: int, state: str = "aprobado", amount: str = "12.5") -> bytes:
    return f"claim-{number:06},POL-{number % 700:08},{state},{amount},2024-10-04T00:00:00\n".encode()


def rows(many: int) -> list[bytes]:
    return [row(number) for number in range(many)]


def pieces(folder: Path, content: bytes) -> list[Piece]:
    file = folder / "file.csv"
    file.write_bytes(content)
    return pieces_of(file)


def test_the_pieces_are_whole_rows_and_all_of_them(tmp_path: Path) -> None:
    content = HEADER + b"".join(rows(2000))
    found = pieces(tmp_path, content)
    assert len(found) > 10
    assert [found[0].start, *(piece.end for piece in found)] == [
        len(HEADER),
        *(piece.start for piece in found[1:]),
        len(content),
    ]
    assert all(content[piece.start - 1 : piece.start] == b"\n" for piece in found)
    write_piece(tmp_path / "file.csv", found[3], tmp_path / "piece.csv")
    assert (tmp_path / "piece.csv").read_bytes() == HEADER + content[found[3].start : found[3].end]


@pytest.mark.parametrize("change", ["append", "insert", "delete", "replace", "cut short"])
def test_a_change_in_one_place_leaves_most_pieces_as_they_are(tmp_path: Path, change: str) -> None:
    before = rows(4000)
    after = {
        "append": [*before, row(9999)],
        "insert": [*before[:700], row(9999), *before[700:]],
        "delete": [*before[:700], *before[703:]],
        "replace": [*before[:700], row(700, "rechazado"), *before[701:]],
        "cut short": before[:-5],
    }[change]
    known = {piece.digest for piece in pieces(tmp_path, HEADER + b"".join(before))}
    found = pieces(tmp_path, HEADER + b"".join(after))
    assert len([piece for piece in found if piece.digest not in known]) < len(found) / 2
    assert len(found) > 10


def test_another_header_makes_all_pieces_new(tmp_path: Path) -> None:
    content = b"".join(rows(1000))
    one, other = (
        pieces(tmp_path, header + content) for header in (HEADER, b"a,policy_number,estado,monto,fecha_reclamo\n")
    )
    assert not {piece.digest for piece in one} & {piece.digest for piece in other}


@pytest.mark.parametrize(
    "content",
    [
        HEADER + b"".join(rows(10)),
        HEADER + b"".join(rows(500)) + b'1,"POL\n",aprobado,1,\n' + b"".join(rows(500)),
        b"\n" + HEADER + b"".join(rows(1000)),
        b'id,"policy\nnumber",estado\n' + b"".join(rows(1000)),
        HEADER + b"x" * 100_000,
        b"x" * 100_000,
        HEADER.replace(b"\n", b"\r") + b"".join(rows(1000)).replace(b"\n", b"\r"),
        b"",
    ],
    ids=[
        "small",
        "quote",
        "blank first line",
        "header of two lines",
        "one row",
        "no rows",
        "carriage returns",
        "empty",
    ],
)
def test_what_cannot_be_cut_for_sure_is_one(tmp_path: Path, content: bytes) -> None:
    assert len(pieces(tmp_path, content)) <= 1


class CountingParser(TableParser):
    """Tells how many bytes it has parsed."""

    parsed = 0

    async def parse(self, owner: str, dataset: Any, path: str, raw: Path, target: Path) -> dict[str, Any]:
        self.parsed += raw.stat().st_size  # noqa: ASYNC240
        return await super().parse(owner, dataset, path, raw, target)


class House:
    """A lake on this disk, a cache and the tables between them."""

    def __init__(self, folder: Path, max_bytes: int = 10**9) -> None:
        self.engine = DuckDbEngine(folder / "cache", memory_limit="200MB", threads=1, concurrency=2, timeout=60)
        where = RuntimeSettings(atalaya_lake=f"file://{folder / 'lake'}")
        self.lake = tenant_lake(where, TENANT)
        self.kept, self.parser = KeptFiles(folder / "cache", max_bytes), CountingParser(self.engine)
        self.tables = Tables(lambda _: self.lake, self.kept, self.parser, is_near=True)

    async def read(self) -> list[tuple[Any, ...]]:
        """All rows, sorted, and at last how many amounts do not parse."""
        opened = await self.tables.open(TENANT, [CLAIMS])
        with self.tables.in_use(opened):
            query = Query("t", "SELECT * FROM reclamos", {"reclamos": opened["reclamos"].source()})
            found = [tuple(row.values()) for row in await self.engine.rows(query)]
        return [*sorted(found, key=repr), (opened["reclamos"].bad_values("monto"),)]


def dirty_rows(seed: int) -> list[bytes]:
    """Rows with every kind of dirt that needs no quote."""
    chance = random.Random(seed)  # noqa: S311
    dirt = [
        b"\n",
        b"  \t\n",
        b"short,POL-1\n",
        b"long,POL-1,aprobado,1,,x,y\n",
        b"\xff,\xc3\x28,b\xf1,1,\n",
        b"a\rb,c,d,,\n",
    ]
    clean = (row(number, chance.choice(["aprobado", " x ", ""]), chance.choice(["1", "x"])) for number in range(1000))
    return [part for each in clean for part in ([each] if chance.random() > 0.01 else [each, chance.choice(dirt)])]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
async def test_a_file_in_pieces_is_the_same_table_as_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: bytes
) -> None:
    content = (b"\xef\xbb\xbf" + HEADER + b"".join(dirty_rows(7))).replace(b"\n", ending)
    cut, whole = House(tmp_path / "cut"), House(tmp_path / "whole")
    cut.lake.put_bytes(content, FILE)
    found = await cut.read()
    assert len((await cut.tables.open(TENANT, [CLAIMS]))["reclamos"].parts) > 5
    monkeypatch.setattr(csv_pieces, "_SMALLEST_BYTES", 10**9)
    whole.lake.put_bytes(content, FILE)
    assert found == await whole.read()
    assert len(found) > 1000
    await cut.engine.close()
    await whole.engine.close()


async def test_after_a_change_only_the_new_pieces_are_parsed_also_after_a_restart(tmp_path: Path) -> None:
    house, content = House(tmp_path), HEADER + b"".join(rows(800))
    house.lake.put_bytes(content, FILE)
    assert len(await house.read()) == 801
    assert house.parser.parsed > len(content)
    again = House(tmp_path)
    assert len(await again.read()) == 801
    assert again.parser.parsed == 0
    again.lake.put_bytes(content + row(9999, "nuevo", "no number"), FILE)
    found = await again.read()
    assert (len(found), found[-1]) == (802, (1,))
    assert 0 < again.parser.parsed < 12_000
    await house.engine.close()
    await again.engine.close()


async def test_equal_pieces_count_each(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.lake.put_bytes(HEADER + row(1) * 500, FILE)
    opened = (await house.tables.open(TENANT, [CLAIMS]))["reclamos"]
    assert len({part.path for part in opened.parts}) == len(opened.parts) > 2
    assert len(await house.read()) == 501
    await house.engine.close()


async def test_a_piece_that_is_gone_is_made_again_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.lake.put_bytes(HEADER + b"".join(rows(800)), FILE)
    parts = (await house.tables.open(TENANT, [CLAIMS]))["reclamos"].parts
    parts[2].path.unlink()
    before = house.parser.parsed
    assert len(await house.read()) == 801
    assert 0 < house.parser.parsed - before < 12_000
    await house.engine.close()


async def test_what_a_held_file_is_made_of_stays(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, max_bytes=25)
    for key, facts in (("piece", {}), ("index", {"needs": ["piece"]}), ("other", {}), ("last", {})):
        with kept.held(["index"]), kept.incoming(".parquet") as made:
            made.write_bytes(os.urandom(10))
            kept.keep(key, "t", made, facts)
    assert kept.find("piece") is not None
    assert kept.find("other") is None


async def test_a_piece_that_cannot_be_read_is_told_with_the_files_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> dict[str, Any]:
        raise Unprocessable("DATASET_UNREADABLE", "no table", path=FILE)

    house = House(tmp_path)
    house.lake.put_bytes(HEADER + b"".join(rows(800)), FILE)
    monkeypatch.setattr(TableParser, "parse", refuse)
    with pytest.raises(Unprocessable):
        await house.read()
    await house.engine.close()
