"""Makes the lake's new content of a table from what was read of it and, for increments, from what the lake has."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from service_runtime.errors import Conflict

from ingest_service.sources import connection as source
from ingest_service.sources.contract import Plan, folded
from ingest_service.sources.judging import judge
from ingest_service.sources.table import Column, Counts, Shape, WantedTable, Written
from ingest_service.sources.table_sql import alike, literal, quoted, read_csv, read_staged, texted, typed

_MEMORY = "128MB"
# Rows of a group in a Parquet file.
_SMALLEST_GROUP, _LARGEST_GROUP, _GROUP_BYTES = 2_048, 50_000, 16 * 1024**2


@dataclass(frozen=True)
class Reading:
    """One table's reading, and the lake's table as it was; `is_whole` where all rows were read."""

    wanted: WantedTable
    shape: Shape
    plan: Plan
    key: Sequence[str]
    is_whole: bool
    staged: Path
    # Where the rows begin in the staged file: behind a header, which makes it a table of the lake already.
    header: bool
    rows: int
    old: Path | None
    folder: Path


def write_table(reading: Reading, file_format: str, path: str) -> Written:
    """Writes the table into the folder; runs in a thread."""
    if reading.header:
        return _as_it_is(reading, path)
    with _engine(reading.folder) as engine:
        try:
            return _made(engine, reading, file_format, path)
        except duckdb.Error as error:
            if _is_too_large(error):
                raise source.rows_too_large(reading.wanted.name) from None
            raise


def _is_too_large(error: duckdb.Error) -> bool:
    """Tells whether rows are too long, or have too many columns, for the memory that there is."""
    text = str(error).lower()
    return any(words in text for words in ("line size", "failed to allocate", "could not allocate", "failed to pin"))


def _as_it_is(reading: Reading, path: str) -> Written:
    """A whole CSV table whose columns nobody minds is what was read, however large its rows are."""
    columns = tuple(planned.column for planned in reading.plan.columns)
    written = Written(
        reading.staged, path, columns, reading.rows, Counts(read=reading.rows, written=reading.rows), notes=[]
    )
    if reading.old is not None and reading.key:
        with _engine(reading.folder) as engine:
            read = read_csv(reading.staged, [place for place, _ in _places(columns)])
            engine.execute(f"CREATE VIEW fresh AS SELECT * FROM {read}")  # noqa: S608
            try:
                written.deleted = _gone(engine, _old_texts(engine, reading.old, columns), reading.key, columns)
            except duckdb.Error as error:
                if not _is_too_large(error):
                    raise
                written.notes.append("its rows are too large for counting those that are gone")
    return written


def _made(engine: Any, reading: Reading, file_format: str, path: str) -> Written:
    width = len(reading.shape.columns)
    staged = f"SELECT row_number() OVER () AS n, * FROM {read_staged(reading.staged, width)}"  # noqa: S608
    # Read again wherever it is asked for, which takes less time and memory than keeping it.
    engine.execute(f"CREATE VIEW staged AS {staged}")
    judged = judge(engine, reading.wanted, reading.plan, to_types=file_format == "parquet")
    columns = judged.columns
    cells = ", ".join(f"{judged.cells[column.name]} AS {place}" for place, column in _places(columns))
    engine.execute(f"CREATE VIEW fresh AS SELECT {cells} FROM staged WHERE {judged.taken}")  # noqa: S608
    counts = Counts(read=reading.rows, rejected=judged.rows)
    result, deleted = "SELECT * FROM fresh", 0
    if reading.old is not None:
        old = _old_texts(engine, reading.old, columns)
        if reading.is_whole:
            deleted = _gone(engine, old, reading.key, columns) if reading.key else 0
        else:
            counts.unchanged = _merged(engine, old, reading.key, columns)
            result = "SELECT * FROM kept UNION ALL SELECT * FROM latest"
    counts.written = counts.read - counts.rejected - counts.unchanged
    target = reading.folder / f"new.{file_format}"
    rows = _copy(engine, reading, result, columns, target)
    return Written(target, path, columns, rows, counts, deleted, list(judged.notes), judged.rejected)


def _old_texts(engine: Any, old: Path, columns: Sequence[Column]) -> str:
    """Makes the lake's table a view of texts with the places of now; what it lacks is NULL. Gives its name."""
    if old.suffix == ".parquet":
        table = f"read_parquet({literal(str(old))})"
        there = {row[0]: row[1] for row in engine.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}  # noqa: S608
        found = {folded(name): texted(quoted(name), str(kind)) for name, kind in there.items()}
    else:
        names = _header(old)
        table = read_csv(old, names)
        found = {folded(name): quoted(name) for name in names}
    cells = ", ".join(
        f"{found.get(folded(column.name), 'CAST(NULL AS VARCHAR)')} AS {place}" for place, column in _places(columns)
    )
    engine.execute(f"CREATE VIEW old AS SELECT {cells} FROM {table}")  # noqa: S608
    return "old"


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8", newline="") as lines:
        return next(csv.reader(lines), [])


def _gone(engine: Any, old: str, key: Sequence[str], columns: Sequence[Column]) -> int:
    """Counts the rows of the lake whose keys were not read again."""
    same = _same("gone", "here", key, columns)
    statement = f"SELECT count(*) FROM {old} AS gone WHERE NOT EXISTS (SELECT 1 FROM fresh AS here WHERE {same})"  # noqa: S608
    return int(engine.execute(statement).fetchone()[0])


def _merged(engine: Any, old: str, key: Sequence[str], columns: Sequence[Column]) -> int:
    """Makes `kept`, what the lake keeps of before, and `latest`, one row for a key; tells how many did not change."""
    keys = ", ".join(alike(place, column.type) for place, column in _places(columns) if column.name in key)
    # Of rows that have one key, where the tenant's choice of it allows several, the last stays.
    engine.execute(
        "CREATE TABLE latest AS SELECT * EXCLUDE (n) FROM (SELECT fresh.*, row_number() OVER () AS n FROM fresh) "  # noqa: S608
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY n DESC) = 1"
    )
    same = _same("kept", "now", key, columns)
    engine.execute(
        f"CREATE VIEW kept AS SELECT * FROM {old} AS kept "  # noqa: S608
        f"WHERE NOT EXISTS (SELECT 1 FROM latest AS now WHERE {same})"
    )
    equal = _same("before", "now", [column.name for column in columns], columns)
    found = engine.execute(
        f"SELECT count(*) FROM latest AS now WHERE EXISTS (SELECT 1 FROM {old} AS before "  # noqa: S608
        f"WHERE {_same('before', 'now', key, columns)} AND {equal})"
    ).fetchone()[0]
    twice = engine.execute("SELECT (SELECT count(*) FROM fresh) - (SELECT count(*) FROM latest)").fetchone()[0]
    return int(found) + int(twice)


def _same(one: str, other: str, names: Sequence[str], columns: Sequence[Column]) -> str:
    return " AND ".join(
        f"{alike(f'{one}.{place}', column.type)} IS NOT DISTINCT FROM {alike(f'{other}.{place}', column.type)}"
        for place, column in _places(columns)
        if column.name in names
    )


def _places(columns: Sequence[Column]) -> list[tuple[str, Column]]:
    """Gives columns the names that they go by until they are written: one of the table's own could be anything."""
    return [(f"p{number}", column) for number, column in enumerate(columns)]


def _group(engine: Any, reading: Reading, result: str, columns: Sequence[Column]) -> int:
    """Gives how many rows of a Parquet file are gathered before they are written: fewer where they are long, for all
    of them are in DuckDB's memory. An increment may be short where what it is added to is long."""
    cells = ", ".join(place for place, _ in _places(columns))
    sample = f"SELECT avg(strlen(concat({cells}))) FROM (SELECT * FROM ({result}) LIMIT {_SMALLEST_GROUP})"  # noqa: S608
    seen = engine.execute(sample).fetchone()[0] or 0
    mean = max(seen, reading.staged.stat().st_size / max(1, reading.rows), 1)
    return max(_SMALLEST_GROUP, min(_LARGEST_GROUP, int(_GROUP_BYTES / mean)))


def _copy(engine: Any, reading: Reading, result: str, columns: Sequence[Column], target: Path) -> int:
    if target.suffix == ".parquet":
        group = _group(engine, reading, result, columns)
        values = ", ".join(f"{typed(place, column)} AS {quoted(column.name)}" for place, column in _places(columns))
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group}"
    else:
        # A lone cell that is missing would be a blank line, which is no row.
        cell = "coalesce({}, '')" if len(columns) == 1 else "{}"
        values = ", ".join(f"{cell.format(place)} AS {quoted(column.name)}" for place, column in _places(columns))
        options = "FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''"
    statement = f"COPY (SELECT {values} FROM ({result})) TO {literal(str(target))} ({options})"  # noqa: S608
    return int(engine.execute(statement).fetchone()[0])


def _engine(folder: Path) -> Any:
    """Opens a DuckDB that keeps to its memory and spills into the folder."""
    engine = duckdb.connect(str(folder / "work.duckdb"))
    engine.execute(
        f"SET memory_limit = '{_MEMORY}'; SET threads = 2; SET TimeZone = 'UTC'; "
        f"SET temp_directory = {literal(str(folder))}"
    )
    return engine


def need_key(wanted: WantedTable, key: Sequence[str]) -> None:
    """Raises where rows could not take the place of older ones."""
    if not key:
        raise Conflict(
            "SOURCE_KEY_UNKNOWN",
            f"{wanted.name} has a cursor and no primary key: say its key_columns, or leave the cursor out.",
            table=wanted.name,
        )
