"""What a table's contract makes of columns that changed since the lake last had the table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service_runtime.errors import Conflict

from ingest_service.sources.table import Column

_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


@dataclass(frozen=True)
class Planned:
    """A column of the lake's table: `place` is where the reading has it, None where the source has it no more."""

    column: Column
    place: int | None


@dataclass(frozen=True)
class Plan:
    """The lake's columns from now on, what is not taken, and what is to be said of it."""

    columns: tuple[Planned, ...]
    # Columns of the reading that the contract leaves out.
    refused: tuple[Planned, ...]
    drift: tuple[str, ...]

    @property
    def is_as_read(self) -> bool:
        """Whether the lake's columns are those of the reading, in their order."""
        return [planned.place for planned in self.columns] == list(range(len(self.columns))) and not self.refused


def plan(table: str, known: Sequence[Column], read: Sequence[Column], contract: str) -> Plan:
    """Compares; raises SOURCE_COLUMNS_CHANGED where the contract is freeze and anything changed."""
    places = {folded(column.name): place for place, column in enumerate(read)}
    _check_names(table, read)
    if not known:
        return Plan(tuple(Planned(column, place) for place, column in enumerate(read)), (), ())
    there = {folded(column.name): column for column in known}
    gone = [column for column in known if folded(column.name) not in places]
    added = [column for column in read if folded(column.name) not in there]
    both = [(there[folded(column.name)], column) for column in read if folded(column.name) in there]
    notes = [
        *(f"{column.name} is gone; it stays in the lake, empty in rows read from now on" for column in gone),
        *(f"{before.name} is spelled {now.name} now" for before, now in both if before.name != now.name),
        *(f"{now.name} was {before.type} and is {now.type}" for before, now in both if before.type != now.type),
    ]
    evolves = contract == "evolve"
    notes += [f"{column.name} is new" + ("" if evolves else " and is left out") for column in added]
    if contract == "freeze" and notes:
        raise Conflict("SOURCE_COLUMNS_CHANGED", f"The columns of {table} changed: {'; '.join(notes)}."[:1000])
    columns = []
    # In the order of the reading, so that a table without changes is taken as it comes; what is gone comes last.
    for place, column in enumerate(read):
        before = there.get(folded(column.name))
        if before is not None:
            kept = widened(before.type, column.type) if evolves else before.type
            columns.append(Planned(replace(column, type=kept), place))
        elif evolves:
            columns.append(Planned(column, place))
    columns += [Planned(column, None) for column in gone]
    refused = () if evolves else tuple(Planned(column, places[folded(column.name)]) for column in added)
    return Plan(tuple(columns), refused, tuple(notes))


def folded(name: str) -> str:
    """Gives a column's name as the lake's readers compare it: without case and outer spaces."""
    return name.strip().lower()


def _check_names(table: str, read: Sequence[Column]) -> None:
    if len({folded(column.name) for column in read}) < len(read):
        raise Conflict("SOURCE_COLUMNS_ALIKE", f"Columns of {table} differ by case or spaces alone.", table=table)


def widened(before: str, now: str) -> str:
    """Gives a type that holds the values of both as they are; in the end that is text."""
    if before == now:
        return before
    for family in (_SIGNED, _UNSIGNED):
        if before in family and now in family:
            return max(before, now, key=family.index)
    for small, large in ((before, now), (now, before)):
        if small in _UNSIGNED[:3] and large in _SIGNED:
            return max(_SIGNED[_UNSIGNED.index(small) + 1], large, key=_SIGNED.index)
        if (small, large) == ("FLOAT", "DOUBLE"):
            return large
    first, second = _decimal(before), _decimal(now)
    if first is not None and second is not None:
        scale = max(first[1], second[1])
        precision = max(first[0] - first[1], second[0] - second[1]) + scale
        if precision <= 38:
            return f"DECIMAL({precision},{scale})"
    return "VARCHAR"


def _decimal(name: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", name)
    return (int(found[1]), int(found[2])) if found else None
