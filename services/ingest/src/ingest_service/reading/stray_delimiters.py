"""Rows with a delimiter too many, which leaves an empty cell that only one place can have."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from ingest_service.reading.cell_forms import form_of

Row = Sequence[str]
# Rows by which the columns are known, and forms of a column that are still a rule of it.
_ENOUGH, _MOST_FORMS = 20, 8
_LOOKED_AT = 200


class ColumnForms:
    """What the cells of each column look like, as the first rows of a file show."""

    def __init__(self, rows: Sequence[Row], width: int, delimiter: str) -> None:
        self._rows = [row for row in rows if len(row) == width]
        self._width = width
        self._delimiter = delimiter

    @cached_property
    def _forms(self) -> list[set[str]]:
        return [{_form(row[place]) for row in self._rows} for place in range(self._width)]

    def without_empty(self, cells: Row) -> list[str] | None:
        """Gives a row without its one cell too many: an empty one, where no other reading of the row fits the columns.

        The other readings are without another empty cell, and with two cells as one whose delimiter is text.
        """
        if len(self._rows) < _ENOUGH or len(cells) != self._width + 1:
            return None
        found = {tuple(row): is_text for row, is_text in self._readings(cells) if self._fit(row)}
        [(reading, is_text)] = found.items() if len(found) == 1 else [((), True)]
        return None if is_text else list(reading)

    def _readings(self, cells: Row) -> Iterator[tuple[list[str], bool]]:
        for place, cell in enumerate(cells):
            if not cell:
                yield [*cells[:place], *cells[place + 1 :]], False
            elif place + 1 < len(cells) and cells[place + 1]:
                yield [*cells[:place], cell + self._delimiter + cells[place + 1], *cells[place + 2 :]], True

    def _fit(self, cells: Row) -> bool:
        return all(
            form in forms or (bool(form) and len(forms) > _MOST_FORMS)
            for form, forms in zip(map(_form, cells), self._forms, strict=True)
        )


def _form(cell: str) -> str:
    return form_of(cell[:_LOOKED_AT])
