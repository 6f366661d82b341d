"""The cells of one row of a delimited file, by its text alone."""

from collections.abc import Callable
from functools import partial

from ingest_service.reading.dialect import Dialect
from ingest_service.reading.row_cells import CellParser, MisplacedError, UnclosedError


def cells_of(text: str, dialect: Dialect, width: int) -> list[str]:
    """Reads a row as the careful reader does, `width` deciding between the readings; empty where no reading fits it."""
    parser = CellParser(dialect)
    plain: list[str] = []
    readings: list[Callable[[], list[str]]] = [
        partial(parser.strict, text, _nothing_more),
        partial(parser.inner_quotes, text, _nothing_more),
        partial(parser.opening_quotes, text),
    ]
    for reading in readings:
        try:
            cells = reading()
        except (UnclosedError, MisplacedError):
            continue
        if len(cells) == width:
            return cells
        plain = plain or cells
    return plain


def _nothing_more() -> str:
    raise UnclosedError
