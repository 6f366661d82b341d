"""Reads every file of a folder of messy CSV files with nothing said about it, as an import of a dataset does.

Compares what is kept with the expected tables, and gives the scores of the Pollock benchmark (Vitagliano et al., VLDB
2023) beside those of DuckDB's own sniffer in the same run: for each file whether it loads, and precision, recall and F1
of header, records and cells as multisets; each measure averaged over the files, and all ten added.
"""

import argparse
import csv
import io
import json
import re
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from ingest_service.dataset_file import write_dataset
from ingest_service.reading.opening import Hints, open_table
from service_runtime.errors import ServiceError

Rows = list[list[str]]
csv.field_size_limit(1 << 30)
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


_BUT_FOR_REJECTED = "exact but for rejected rows, which are listed"
_OTHER_NAMES = "rows as expected, names by another rule, which is told"
_WRONG = "exact but for what the expected table has not from the file"
_VERDICTS = ("exact", _BUT_FOR_REJECTED, _OTHER_NAMES, _WRONG, "differs", "refused")
# Cells of expected tables that the files do not have, with what stands in the file.
_WRONG_EXPECTATIONS = {
    "O18_air.csv": {"0.\\": "0.0"},
    "PLA_6%Talc-1hz.csv": {"E''(1.000 Hz)/MPa": 'E"(1.000 Hz)/MPa'},
    "location_coordinates.csv": {"1234567890": "2095257564"},
}


@dataclass
class Case:
    """A file with the table that it stands for; `header` tells how many of its first rows are the header."""

    corpus: str
    name: str
    content: bytes
    expected: Rows
    header: int


@dataclass
class Result:
    """What became of a file."""

    case: Case
    rows: Rows | None
    refused: str = ""
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)
    seconds: float = 0.0

    names: list[str] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.rows is None:
            return "refused"
        found = self._compared(self.case.expected)
        if self.case.name in _WRONG_EXPECTATIONS and self._compared(_corrected(self.case)) == "exact":
            return _WRONG
        return found

    def _compared(self, table: Rows) -> str:
        expected = _contents(_data(table, self.case.header))
        found = _contents(self.rows[1:]) if self.rows else []
        if found != expected and not (self.rejected and _is_part(found, expected)):
            return "differs"
        if not _same_header(self.case, table, self.names):
            is_told = "header" in self.told or "repeats the header" in self.reasons
            return _OTHER_NAMES if is_told else "differs"
        return "exact" if found == expected else _BUT_FOR_REJECTED


def cases(folder: Path) -> Iterator[Case]:
    """Gives the files of the three corpora with their expected tables."""
    files: dict[str, bytes] = {}
    with tarfile.open(folder / "pollock.tar.gz") as archive:
        for member in archive:
            file_in = archive.extractfile(member) if member.isfile() else None
            if file_in is not None:
                files[member.name.removeprefix("./")] = file_in.read()
    for name in sorted(files):
        corpus, kind, file = name.split("/", 2)
        if kind != "csv":
            continue
        expected = list(csv.reader(io.StringIO(files[f"{corpus}/clean/{file}"].decode(), newline="")))
        header = int(json.loads(files[f"{corpus}/parameters/{file}_parameters.json"])["header_lines"])
        if not header and corpus == "survey_sample":
            # Here the expected table has names that somebody has made up.
            expected = expected[1:]
        yield Case(corpus, file, files[name], expected, header)
    spectrum = folder / "csv-spectrum"
    for path in sorted((spectrum / "csvs").iterdir()):
        told = json.loads((spectrum / "json" / f"{path.stem}.json").read_text())
        rows = told if isinstance(told, list) else [told]
        expected = [list(rows[0]), *(list(row.values()) for row in rows)]
        yield Case("csv-spectrum", path.name, path.read_bytes(), expected, 1)
    for path in sorted((folder / "encodings_derived").iterdir()):
        yield Case("encodings_derived", path.name, path.read_bytes(), _derived(path), 1)


def _derived(path: Path) -> Rows:
    """Reads a file as its name says that it was made."""
    content = path.read_bytes()
    made = {"cp1252": "cp1252", "latin1": "latin-1", "utf16le": "utf-16", "utf8_bom": "utf-8-sig"}
    encoding = next((name for start, name in made.items() if path.name.startswith(start)), "utf-8")
    delimiter = next(
        (mark for word, mark in (("semicolon", ";"), ("tab", "\t"), ("pipe", "|")) if word in path.name), ","
    )
    if path.name.startswith("mixed"):
        text = "".join(_line(line) for line in content.splitlines(keepends=True))
    else:
        text = content.decode(encoding)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    return [row for row in rows if len(row) == len(rows[0])] if path.name.startswith("truncated") else rows


def _line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252")


def ours(case: Case) -> Result:
    """Imports a file as a dataset, without the service around it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target = folder / "source", folder / "dataset.csv"
        source.write_bytes(case.content)
        started = time.perf_counter()
        try:
            table, _ = open_table(source, folder, Hints(mends_letters=True), lambda _: 0)
            write_dataset(table, target)
        except ServiceError as error:
            return Result(case, None, error.reason, seconds=time.perf_counter() - started)
        rejections = [row for batch in table.batches([0]) for row in batch.rejections]
        with target.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        reasons = list(dict.fromkeys(row.reason for row in rejections))
        seconds = time.perf_counter() - started
        return Result(case, rows, "", len(rejections), reasons, seconds, table.header, table.told())


def duckdb_auto(case: Case) -> Result:
    """Reads a file with DuckDB's sniffer and the settings of the benchmark's authors, cells as text."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source.csv"
        source.write_bytes(case.content)
        try:
            with duckdb.connect() as connection:
                read = connection.read_csv(
                    str(source), strict_mode=False, ignore_errors=True, null_padding=True, all_varchar=True
                )
                rows = [read.columns, *(["" if cell is None else cell for cell in row] for row in read.fetchall())]
        except (duckdb.Error, UnicodeDecodeError) as error:
            return Result(case, None, type(error).__name__)
        return Result(case, rows)


def _data(rows: Rows, header: int) -> Rows:
    return rows[1:] if header else rows


def _plain(row: Sequence[str]) -> list[str]:
    """Leaves out what the expected tables keep in some files and not in others.

    That is spaces around a cell, CR before LF within one, and empty cells behind the last that is not.
    """
    cells = [cell.strip().replace("\r\n", "\n") for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _contents(rows: Rows) -> Rows:
    """Leaves out rows without content, which the expected tables keep in some files and not in others."""
    return [cells for row in rows if (cells := _plain(row))]


def _corrected(case: Case) -> Rows:
    wrong = _WRONG_EXPECTATIONS[case.name]
    return [[wrong.get(cell.strip(), cell) for cell in row] for row in case.expected]


def _same_header(case: Case, table: Rows, names: Sequence[str]) -> bool:
    """Compares the names; a first column without one is none that the expected table can name."""
    if not case.header:
        return len(names) == max(len(row) for row in table)
    expected = _plain(table[0])
    return expected in (_plain(names), _plain(names[1:]) if names and not names[0] else None)


def _is_part(found: Rows, expected: Rows) -> bool:
    """Tells whether every row found is an expected one, in their order."""
    following = iter(expected)
    return all(any(row == other for other in following) for row in found)


Multiset = Counter[str]


def scores(results: Sequence[Result]) -> list[float]:
    """The benchmark's ten measures, each averaged over the files."""
    totals = [0.0] * 10
    for result in results:
        for place, value in enumerate(_measures(result)):
            totals[place] += value
    return [total / len(results) for total in totals]


def _measures(result: Result) -> list[float]:
    if result.rows is None:
        return [0.0] * 10
    case, loaded = result.case, result.rows
    header = case.expected[0] if case.header else []
    expected = _data(case.expected, case.header)
    measures = [1.0]
    measures += _agreement([_normal(cell) for cell in header], [_normal(cell) for cell in loaded[0]])
    measures += _agreement([_record(row) for row in expected], [_record(row) for row in loaded[1:]])
    measures += _agreement(
        [_normal(cell) for row in expected for cell in row], [_normal(cell) for row in loaded[1:] for cell in row]
    )
    return measures


def _agreement(source: list[str], loaded: list[str]) -> list[float]:
    if not source:
        return [1.0, 1.0, 1.0]
    common = sum((Multiset(source) & Multiset(loaded)).values())
    if not common:
        return [0.0, 0.0, 0.0]
    first, second = common / len(source), common / len(loaded)
    return [first, second, 2 * first * second / (first + second)]


def _record(row: Sequence[str]) -> str:
    return "".join(_normal(cell) or "null" for cell in row)


def _normal(cell: str) -> str:
    """Compares numbers, dates and texts as the benchmark does: by value, without case."""
    if not cell.strip():
        return ""
    try:
        return repr(float(cell)) if "_" not in cell else cell.lower()
    except ValueError:
        found = _DATE.fullmatch(cell.strip())
        return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}" if found else cell.lower()


def table(results: Sequence[Result]) -> Iterator[str]:
    """The figures of each corpus as Markdown."""
    yield f"| corpus | files | {' | '.join(_VERDICTS)} |"
    yield "|---|---" + "|---" * len(_VERDICTS) + "|"
    for corpus in dict.fromkeys(result.case.corpus for result in results):
        of = [result.verdict for result in results if result.case.corpus == corpus]
        counts = [of.count(name) for name in _VERDICTS]
        yield f"| {corpus} | {len(of)} | {' | '.join(map(str, counts))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared/data/messy_csv")
    parser.add_argument("--files", action="store_true", help="also show every file")
    options = parser.parse_args()
    everything = list(cases(options.folder))
    results = [ours(case) for case in everything]
    print("\n".join(table(results)))
    slowest = max(results, key=lambda result: result.seconds)
    print(f"\nslowest {slowest.seconds:.1f} s ({slowest.case.name})\n")
    print("| reader | corpus | success | header F1 | record F1 | cell F1 | score of 10 |")
    print("|---|---|---|---|---|---|---|")
    readers: tuple[tuple[str, Callable[[Case], Result] | None], ...] = (
        ("Atalaya", None), (f"DuckDB {duckdb.__version__} auto", duckdb_auto)
    )  # fmt: skip
    for name, read in readers:
        of_all = results if read is None else [read(case) for case in everything]
        for corpus in ("polluted_files", "survey_sample"):
            values = scores([result for result in of_all if result.case.corpus == corpus])
            shown = " | ".join(f"{values[place]:.3f}" for place in (0, 3, 6, 9))
            print(f"| {name} | {corpus} | {shown} | {sum(values):.3f} |")
    if options.files:
        print("\n| file | becomes | rows | rejected rows and why |\n|---|---|---|---|")
        for result in results:
            rows = len(result.rows) - 1 if result.rows else 0
            why = f"{result.rejected}: {'; '.join(result.reasons[:2])}" if result.rejected else result.refused
            shown = result.case.name.replace("|", "\\|")
            print(f"| {result.case.corpus}/{shown} | {result.verdict} | {rows} | {why} |")


if __name__ == "__main__":
    main()
