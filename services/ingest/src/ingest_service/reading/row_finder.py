"""Finds rows of a file that can only be read from its beginning."""

from collections.abc import Callable, Iterator


class RowFinder:
    """Gives the texts of rows by their numbers: one pass for numbers that rise."""

    def __init__(self, rows: Callable[[], Iterator[tuple[int, str]]]) -> None:
        self._rows = rows
        self._reading: Iterator[tuple[int, str]] = iter(())
        self._at = (0, "")
        self._begun = False

    def find(self, number: int) -> str:
        if not self._begun or number < self._at[0]:
            self._reading, self._at, self._begun = self._rows(), (0, ""), True
        while self._at[0] < number:
            following = next(self._reading, None)
            if following is None:
                return ""
            self._at = following
        return self._at[1] if self._at[0] == number else ""
