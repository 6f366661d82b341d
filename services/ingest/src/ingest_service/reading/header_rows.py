"""Headers of several rows, whose names are joined, and headers that come again."""

from collections.abc import Sequence

from ingest_service.reading.cell_forms import is_nothing, is_value, value_columns

Row = Sequence[str]
_MOST_ROWS = 5


def join_header(rows: Sequence[Row], first: int) -> tuple[int, list[str]]:
    """Gives the last row of the header that begins at a row, and the names: one below the other, joined by a space.

    The second row has names where the first has none: for the first column, or below one that groups some. A name that
    groups others stands over the leftmost of them.
    """
    last = first
    if not _cell(rows[first], 0) and first + 2 < len(rows) and _names_values(rows[first + 1], rows[first + 2 :]):
        last += 1
    while last - first + 1 < _MOST_ROWS and last + 2 < len(rows) and _is_further(rows, first, last):
        last += 1
    if last == first:
        return first, list(rows[first])
    return last, _joined(rows[first : last + 1])


def header_again(rows: Sequence[Row], header: int) -> int:
    """Gives the row where the header stands again below a title: another table; 0 where it does not."""
    names = [cell.strip() for cell in rows[header]]
    is_below_title = False
    for place in range(header + 1, len(rows)):
        if is_below_title and [cell.strip() for cell in rows[place]] == names:
            return place
        if filled := sum(1 for cell in rows[place] if cell.strip()):
            is_below_title = filled == 1 and sum(map(bool, names)) > 2
    return 0


def repeats_header(cells: Row, names: Row) -> bool:
    """Tells whether a row is the header again, as where files were put behind each other."""
    return len(cells) == len(names) and all(
        cell.strip() == name.strip() for cell, name in zip(cells, names, strict=True)
    )


def _names_values(row: Row, body: Sequence[Row]) -> bool:
    """Tells whether a row has a name for the first column and for all columns of values."""
    typed = value_columns(body)
    return bool(typed) and all(_is_name(_cell(row, place)) for place in {0, *typed})


def _is_further(rows: Sequence[Row], first: int, last: int) -> bool:
    row = rows[last + 1]
    names = [number for number, cell in enumerate(row) if cell.strip()]
    if not names or names[0] == 0 or not all(_is_name(row[number]) for number in names):
        return False
    if last == first and all(_cell(rows[first], number) for number in names):
        return False
    # Further rows of the header among them would make the columns seem to have no values.
    body = rows[first + _MOST_ROWS :]
    typed = value_columns(body if len(body) > 1 else rows[last + 2 :])
    return any(number in typed for number in names)


def _is_name(cell: str) -> bool:
    return not is_nothing(cell) and not is_value(cell)


def _joined(parts: Sequence[Row]) -> list[str]:
    width = max(map(len, parts))
    names: list[list[str]] = [[] for _ in range(width)]
    for level, part in enumerate(parts):
        group = ""
        for column in range(width):
            is_grouped = any(_cell(lower, column) for lower in parts[level + 1 :])
            # A group ends where nothing stands below it, or another begins, be it of a row above.
            if cell := _cell(part, column):
                group = cell if is_grouped else ""
            elif not is_grouped or any(_cell(upper, column) for upper in parts[:level]):
                group = ""
            if cell or group:
                names[column].append(cell or group)
    return [" ".join(name) for name in names]


def _cell(row: Row, column: int) -> str:
    return row[column].strip() if column < len(row) else ""
