"""Headers of several rows, headers that come again, rows with a delimiter too many: right, or told, or refused."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_service.reading import control_letters
from ingest_service.reading.control_letters import with_letters_of_cp1252
from ingest_service.reading.encoding import PreparedText
from ingest_service.reading.header_rows import join_header
from ingest_service.reading.layout import find_layout
from ingest_service.reading.opening import Hints, open_table
from ingest_service.reading.stray_delimiters import ColumnForms
from ingest_service.reading.table import Table
from service_runtime.errors import InvalidArgument

Rows = list[list[str]]
GROUPS = st.lists(st.tuples(st.sampled_from(["", "Viaje", "Personal"]), st.integers(1, 3)), min_size=1, max_size=4)
ROWS_BELOW = [["2024-01-05", "1", "2", "3"], ["2024-01-06", "4", "5", "6"]]


def opened(text: str, folder: Path, encoding: str = "", *, mends: bool = True) -> Table:
    (folder / "source").write_bytes(text.encode())
    return open_table(folder / "source", folder, Hints(encoding=encoding, mends_letters=mends), lambda _: 0)[0]


def read(table: Table) -> tuple[Rows, list[tuple[int, str]]]:
    """Gives the rows of a table, and of those that are rejected the line and the reason."""
    rows: Rows = []
    rejected = []
    for batch in table.batches(range(len(table.header))):
        rows += map(list, zip(*(column.to_pylist() for column in batch.rows.columns[3:]), strict=True))
        rejected += [(row.line, row.reason) for row in batch.rejections]
    return rows, rejected


def written(rows: Rows) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def test_names_of_several_rows_are_joined_below_what_groups_them(tmp_path: Path) -> None:
    text = "Gastos de 2024,,,,\nFecha,Viaje,,Otros,Total\n,Avión,Tren,,\n2024-01-05,1,2,,3\n2024-01-06,,2,5,7\n"
    table = opened(text, tmp_path)
    assert table.header == ["Fecha", "Viaje Avión", "Viaje Tren", "Otros", "Total"]
    assert read(table)[0] == [["2024-01-05", "1", "2", "", "3"], ["2024-01-06", "", "2", "5", "7"]]
    assert (table.told()["header"], table.told()["before_the_header"]) == ("2 rows, joined", "Gastos de 2024")


def test_a_row_of_groups_above_the_header_belongs_to_it(tmp_path: Path) -> None:
    table = opened(written([["", "2023", "", "2024"], ["Área", "Altas", "Bajas", "Altas"], *ROWS_BELOW]), tmp_path)
    assert table.header == ["Área", "2023 Altas", "2023 Bajas", "2024 Altas"]


@pytest.mark.parametrize("row", [",n/a,-,", ",2,3,4", "x,y,z,z", ",,,", ",texto,,"])
def test_a_row_below_a_whole_header_is_none_of_it(row: str, tmp_path: Path) -> None:
    table = opened(f"fecha,a,b,c\n{row}\n" + written(ROWS_BELOW), tmp_path)
    assert table.header == ["fecha", "a", "b", "c"]
    assert "header" not in table.told()
    assert read(table)[0] == [row.split(","), *ROWS_BELOW]


@given(groups=GROUPS)
def test_every_column_of_a_group_has_its_name_and_no_other(groups: list[tuple[str, int]]) -> None:
    upper, expected = ["Fecha"], ["Fecha"]
    for number, (group, width) in enumerate(groups):
        # A column without a group ends the one before it.
        name, width = (f"{group}{number}", width) if group else (f"solo{number}", 1)
        upper += [name, *[""] * (width - 1)]
        expected += [f"{name} n{place}" if group else name for place in range(width)]
    lower = ["", *(name.split(" ")[1] if " " in name else "" for name in expected[1:])]
    values = [["2024-01-05", *"1" * (len(expected) - 1)] for _ in range(3)]
    last, names = join_header([upper, lower, *values], 0)
    assert (last, names) == ((1, expected) if "" in upper else (0, upper))


def test_codes_in_the_first_row_as_below_it_mean_that_there_is_no_header() -> None:
    codes = [[f"AB-{number}", "texto", "otro"] for number in range(8)]
    assert not find_layout(codes, lambda _: 0).has_header
    assert find_layout([["codigo", "texto", "otro"], *codes], lambda _: 0).has_header
    assert find_layout([["A-1", "A-2"], *[["uno", "dos"]] * 8], lambda _: 0).has_header


@pytest.mark.parametrize("line", ["id,texto,más", '"id","texto",más'])
def test_a_header_that_comes_again_is_a_rejected_row(line: str, tmp_path: Path) -> None:
    rows = [[str(number), "a", "b"] for number in range(20)]
    text = f"id,texto,más\n{written(rows)}{line}\n{written(rows)}"
    found, rejected = read(opened(text, tmp_path))
    assert (found, rejected) == ([*rows, *rows], [(22, "repeats the header")])


def test_a_row_with_some_of_the_names_is_a_row(tmp_path: Path) -> None:
    text = "id,texto\nid,otra cosa\n1,texto\n"
    assert read(opened(text, tmp_path)) == ([["id", "otra cosa"], ["1", "texto"]], [])
    assert read(opened("nombre\nnombre\n", tmp_path)) == ([["nombre"]], [])


def test_tables_below_each_other_are_refused_with_the_line_of_the_second(tmp_path: Path) -> None:
    one = "Viajes de Ana,,\n,,\nfecha,destino,total\n2024-01-05,Lima,3\n"
    with pytest.raises(InvalidArgument, match="line 8") as refused:
        opened(one + ",,\n" + one.replace("Ana", "Eva"), tmp_path)
    assert refused.value.reason == "SEVERAL_TABLES"


def test_a_quote_that_may_enclose_a_delimiter_costs_its_row(tmp_path: Path) -> None:
    good = '1,"a, b",c,d\n' * 3
    text = f'id,texto,más,fin\n{good}2,x"y, 3"" z","w"\n3,5" de largo,"p",7"\n4,5" de largo,p,7"\n{good}'
    found, rejected = read(opened(text, tmp_path))
    assert rejected == [(5, "a quote within a cell may enclose a delimiter")]
    assert found[3:5] == [["3", '5" de largo', "p", '7"'], ["4", '5" de largo', "p", '7"']]


def shop(*more: str) -> str:
    rows = [f"{number},Zapato {'muy ' * (number % 12)}grande,A-{number},2024-01-05," for number in range(40)]
    return "id,nombre,codigo,fecha,nota\n" + "\n".join([*rows, *more, *rows]) + "\n"


@pytest.mark.parametrize(
    "row", [",7,Bota,A-7,2024-01-05,", "7,,Bota,A-7,2024-01-05,", "7,Bota,,A-7,2024-01-05,", "7,Bota,A-7,2024-01-05,,"]
)
def test_an_empty_cell_too_many_is_left_out_where_only_one_place_can_have_it(row: str, tmp_path: Path) -> None:
    table = opened(shop(row), tmp_path)
    rows, rejected = read(table)
    assert (rows[40], rejected) == (["7", "Bota", "A-7", "2024-01-05", ""], [])
    assert table.told()["rows_with_an_empty_cell_left_out"] == "1"


@pytest.mark.parametrize("row", ["7,Bota, azul,A-7,2024-01-05,", "7,Bota,x,A-7,2024-01-05,", "7,8,9,10,11,12"])
def test_a_row_with_a_cell_too_many_that_has_content_is_rejected(row: str, tmp_path: Path) -> None:
    assert read(opened(shop(row), tmp_path))[1] == [(42, "has 6 cells, the header 5")]


@given(place=st.integers(0, 3), cells=st.lists(st.sampled_from(["", "a", "7", "A-7"]), min_size=3, max_size=3))
def test_what_is_left_out_was_empty_and_is_never_guessed(place: int, cells: list[str]) -> None:
    forms = ColumnForms([[str(number), f"A-{number}", ""] for number in range(30)], 3, ",")
    row = [*cells[:place], "", *cells[place:]]
    found = forms.without_empty(row)
    assert found in (None, ["7", "A-7", ""])
    assert (found is None) == ([cell for cell in row if cell] != ["7", "A-7"] or row[-1] != "")


def test_control_characters_of_a_text_taken_for_latin_1_are_the_letters_that_they_were(tmp_path: Path) -> None:
    text = "id,texto\n1,7 \x96 8 Feb \x93hola\x94\n"
    table = opened(text, tmp_path)
    assert read(table)[0] == [["1", "7 – 8 Feb “hola”"]]
    assert table.told()["encoding"] == "utf-8 with control characters read as letters of cp1252"
    assert read(opened(text, tmp_path, encoding="utf-8"))[0] == [["1", "7 \x96 8 Feb \x93hola\x94"]]
    assert read(opened(text, tmp_path, mends=False))[0] == [["1", "7 \x96 8 Feb \x93hola\x94"]]
    assert read(opened("\ufeff" + text, tmp_path))[0] == [["1", "7 \x96 8 Feb \x93hola\x94"]]


@pytest.mark.parametrize("text", ["Ã\x89chale \x96", "a\x85b", "\x81\x96", "â\x80\x99"])
def test_control_characters_that_may_be_something_else_are_kept(text: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(f"id\n{text}\n".encode())
    prepared = PreparedText(tmp_path / "text", 0, "utf-8")
    assert with_letters_of_cp1252(prepared, tmp_path / "letters") == prepared


def test_letters_are_found_wherever_a_piece_of_the_file_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_letters, "_PIECE", 5)
    file = tmp_path / "text"
    for before in range(6):
        file.write_bytes(b"x" * before + "Ã\x89 \x96".encode())
        twice = PreparedText(file, 0, "utf-8")
        assert with_letters_of_cp1252(twice, tmp_path / "letters") == twice
        file.write_bytes(b"x" * before + "ñ\x96".encode())
        assert with_letters_of_cp1252(twice, tmp_path / "letters").path.read_text()[before:] == "ñ–"
