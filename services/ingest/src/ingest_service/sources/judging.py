"""Judges the values of a reading by a table's contract: what fits, what is left out, and what is said of it."""

from dataclasses import dataclass, replace
from typing import Any

from service_runtime.errors import Conflict

from ingest_service.sources.contract import Plan
from ingest_service.sources.table import Column, Rejected, WantedTable
from ingest_service.sources.table_sql import fits

MOST_KEPT = 100_000
_SHOWN = 1_000


@dataclass(frozen=True)
class Judged:
    """The table's columns, the SQL of each cell and of the rows that are taken, and what is not."""

    columns: tuple[Column, ...]
    cells: dict[str, str]
    taken: str
    # Rows left out.
    rows: int
    notes: list[str]
    rejected: list[Rejected]


def judge(engine: Any, wanted: WantedTable, plan: Plan, *, to_types: bool) -> Judged:
    """Looks at the table `staged`; raises SOURCE_VALUE_UNFIT where the contract is freeze and a value does not fit.

    With evolve a column with a value that does not fit becomes text, where types matter at all.
    """
    cells = {
        planned.column.name: f"c{planned.place}" if planned.place is not None else "CAST(NULL AS VARCHAR)"
        for planned in plan.columns
    }
    columns = [planned.column for planned in plan.columns]
    if wanted.contract == "evolve":
        widened = _evolved(engine, columns, cells) if to_types else columns
        notes = [
            f"{new.name} has values that are no {old.type}, so it is text"
            for old, new in zip(columns, widened, strict=True)
            if old != new
        ]
        return Judged(tuple(widened), cells, "true", 0, notes, [])
    bad = {name: f"({cells[name]} IS NOT NULL AND NOT {fits(cells[name], kind)})" for name, kind in _checked(columns)}
    if wanted.contract == "discard_row":
        bad |= {planned.column.name: f"c{planned.place} IS NOT NULL" for planned in plan.refused}
    counts = _count(engine, bad)
    if not any(counts.values()):
        return Judged(tuple(columns), cells, "true", 0, [], [])
    if wanted.contract == "freeze":
        name = next(name for name, count in counts.items() if count)
        raise Conflict("SOURCE_VALUE_UNFIT", f"{wanted.name} has values in {name} that do not fit the column.")
    found = {name: condition for name, condition in bad.items() if counts[name]}
    sources = cells | {planned.column.name: f"c{planned.place}" for planned in plan.refused}
    rejected = _listed(engine, wanted, found, sources, {column.name: column.type for column in columns})
    if wanted.contract == "discard_value":
        emptied = {name: f"CASE WHEN {found[name]} THEN NULL ELSE {cell} END" if name in found else cell
                   for name, cell in cells.items()}  # fmt: skip
        notes = [f"{counts[name]} values of {name} did not fit and are left out" for name in found]
        return Judged(tuple(columns), emptied, "true", 0, notes, rejected)
    any_bad = " OR ".join(found.values())
    rows = int(engine.execute(f"SELECT count(*) FROM staged WHERE {any_bad}").fetchone()[0])  # noqa: S608
    return Judged(tuple(columns), cells, f"NOT coalesce({any_bad}, false)", rows, [], rejected)


def _checked(columns: list[Column]) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in columns if column.type not in ("VARCHAR", "BLOB")]


def _evolved(engine: Any, columns: list[Column], cells: dict[str, str]) -> list[Column]:
    bad = {name: f"({cells[name]} IS NOT NULL AND NOT {fits(cells[name], kind)})" for name, kind in _checked(columns)}
    counts = _count(engine, bad)
    return [replace(column, type="VARCHAR") if counts.get(column.name) else column for column in columns]


def _count(engine: Any, bad: dict[str, str]) -> dict[str, int]:
    if not bad:
        return {}
    sums = ", ".join(f"count(*) FILTER ({condition})" for condition in bad.values())
    row = engine.execute(f"SELECT {sums} FROM staged").fetchone()  # noqa: S608
    return dict(zip(bad, map(int, row), strict=True))


def _listed(
    engine: Any, wanted: WantedTable, bad: dict[str, str], sources: dict[str, str], types: dict[str, str]
) -> list[Rejected]:
    """Gives the first rejected values in the order of reading, with their rows as they came."""
    width = len(engine.execute("DESCRIBE staged").fetchall()) - 1
    line = " || ',' || ".join(f"coalesce(c{place}, '')" for place in range(width))
    raw = f"left({line}, 10000)"
    parts = [
        f"SELECT n, {number} AS place, left({sources[name]}, {_SHOWN}) AS value, {raw} AS raw "  # noqa: S608
        f"FROM staged WHERE {condition}"
        for number, (name, condition) in enumerate(bad.items())
    ]
    query = f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY n, place LIMIT {MOST_KEPT}"  # noqa: S608
    names = list(bad)
    return [
        Rejected(
            wanted.name,
            int(n),
            names[place],
            value,
            f"is no {types[names[place]]}" if names[place] in types else "is in a column that is new",
            text,
        )
        for n, place, value, text in engine.execute(query).fetchall()
    ]
