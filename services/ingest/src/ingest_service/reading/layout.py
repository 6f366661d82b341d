"""Finds the header among the first rows of a table: behind what stands before it, or nowhere."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ingest_service.reading.cell_forms import LOOKED_AT, code_columns, code_form, is_nothing, is_value, value_columns
from ingest_service.reading.header_rows import header_again, join_header

_FIRST = 50
_NONE = "none: the first row has values like those below it"


@dataclass(frozen=True)
class Layout:
    """Where the header stands among the rows, or the first row where there is none, and the names of all columns.

    A header of several rows stands at its last one. `ends_early` is how many of the last columns no row has,
    `ends_late` how many empty cells every row has behind them; `told` says what is not as usual. `again` is the row
    where another table of the same header begins, below a title: 0 where none does.
    """

    header: int
    names: list[str]
    ends_early: int = 0
    told: dict[str, str] = field(default_factory=dict)
    has_header: bool = True
    ends_late: int = 0
    again: int = 0

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.names) - self.ends_early + self.ends_late


def find_layout(rows: Sequence[Sequence[str]], known_names: Callable[[Sequence[str]], int]) -> Layout:
    """Finds the layout of a table from its first rows."""
    first = rows[:LOOKED_AT]
    known = [known_names(row) for row in first]
    if most := max(known):
        header = known.index(most)
        return _with_widths(header, list(rows[header]), rows[header + 1 :], _before(header, rows))
    header = _first_full(rows)
    told = _before(header, rows)
    last, joined = join_header(rows, header)
    if last > header:
        told["header"] = f"{last - header + 1} rows, joined"
    elif _is_value_row(rows[header], rows[header + 1 :]):
        names = [f"column_{number + 1}" for number in range(len(rows[header]))]
        return Layout(header, names, 0, {**told, "header": _NONE}, has_header=False)
    return replace(_with_widths(last, joined, rows[last + 1 :], told), again=header_again(rows, header))


def unique_names(header: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Gives every column a name of its own, and tells which were changed."""
    taken = {name.strip().casefold() for name in header}
    seen: set[str] = set()
    names, changed = [], []
    for number, name in enumerate(header):
        new, count = name, 2
        if not name.strip():
            new = f"column_{number + 1}"
        while new.strip().casefold() in seen or (new != name and new.strip().casefold() in taken):
            new, count = f"{name.strip() or f'column_{number + 1}'}_{count}", count + 1
        seen.add(new.strip().casefold())
        names.append(new)
        if new != name:
            changed.append(f"{number + 1}: {new[:60]}")
    return names, {"renamed_columns": ", ".join(changed[:50])} if changed else {}


def _first_full(rows: Sequence[Sequence[str]]) -> int:
    """Goes over titles: rows that are mostly empty or narrower than the table."""
    filled = [len([cell for cell in row if cell.strip()]) for row in rows]
    usual = Counter(len(row) for row, cells in zip(rows, filled, strict=True) if cells).most_common(1)
    width = usual[0][0] if usual else 1
    for place, row in enumerate(rows[:LOOKED_AT]):
        narrow = len(row) < width and filled[place] <= width / 2
        # A header of two columns may name only one of them.
        is_title = not filled[place] or narrow or (filled[place] == 1 and width > 2)
        if is_title and width > 1 and place + 1 < len(rows):
            continue
        later = rows[place + 1 :]
        if len(row) != width and later and len(later[0]) == width and _is_header(later[0], later[1:]):
            return place + 1
        return place
    return 0


def _is_header(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    typed = value_columns(body)
    texts = [row[place] for place in typed if place < len(row) and not is_value(row[place])]
    return bool(typed) and len(texts) == len(typed)


def _is_value_row(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Tells whether what would be the header has values, or codes, wherever the rows below it have some."""
    typed = [place for place in value_columns(body) if place < len(row)]
    codes = {place: form for place, form in code_columns(body).items() if place < len(row)}
    cells = [row[place] for place in typed if not is_nothing(row[place])]
    alike = [code_form(row[place]) == form for place, form in codes.items() if not is_nothing(row[place])]
    if not (cells or alike) or not all(map(is_value, cells)) or not all(alike):
        return False
    # Names that count up, such as years, are a header, unless the values do so too.
    below = [body[0][place] for place in typed if place < len(body[0])]
    return bool(alike) or not (_counts_up(cells) and not _counts_up(below))


def _counts_up(cells: Sequence[str]) -> bool:
    whole = [int(cell) for cell in cells if cell.strip().isdecimal() and cell.isascii()]
    steps = {later - earlier for earlier, later in pairwise(whole)}
    return len(whole) == len(cells) and len(steps) == 1 and steps != {0}


def _before(header: int, rows: Sequence[Sequence[str]]) -> dict[str, str]:
    texts = [" ".join(cell.strip() for cell in row if cell.strip()) for row in rows[:header]]
    return {"before_the_header": " / ".join(filter(None, texts))[:1000]} if any(texts) else {}


def _with_widths(header: int, names: list[str], body: Sequence[Sequence[str]], told: dict[str, str]) -> Layout:
    """Compares the header's width with that of all rows below it."""
    rows = [row for row in body if any(cell.strip() for cell in row)]
    # Further down another table may follow.
    usual = Counter(len(row) for row in rows[:_FIRST]).most_common(1)
    width = usual[0][0] if usual else len(names)
    is_uniform = all(len(row) == width for row in rows)
    if width < len(names) and not any(name.strip() for name in names[width:]):
        # A header line that ends in delimiters.
        names = names[:width]
    if rows and is_uniform:
        if 1 < width < len(names) and len(rows) > 1:
            early = len(names) - width
            told = {**told, "rows": f"end before the last {early} columns of the header"}
            return Layout(header, names, early, told)
        late = max(0, width - len(names))
        if late and not any(cell.strip() for row in rows for cell in row[len(names) :]):
            return Layout(header, names, 0, told, ends_late=late)
        if late == 1 and len(rows) > 1:
            told = {**told, "rows": "begin with a cell that the header has no name for"}
            return Layout(header, ["", *names], 0, told)
    return Layout(header, names, 0, told)
