"""The dirt of real files: some values are missing, some do not parse, some stand twice."""

import numpy as np

from local_suite.demo.seeds import numbers

_BROKEN_DATES = ("31/02/2025", "2025-13-40", "pendiente", "0000-00-00", "12-2024")
_BROKEN_NUMBERS = ("S/ 1,250", "n/a", "12.3.4", "--", "mil")


class Dirt:
    """Spoils values of one table, at rates that data-quality reports should find."""

    def __init__(self, table: str) -> None:
        self._random = numbers("dirt", table)

    def missing(self, value: object, rate: float) -> object:
        """Leaves a value out now and then."""
        return "" if self._random.random() < rate else value

    def date(self, value: str, missing: float = 0.01, broken: float = 0.004) -> str:
        """A date that may be missing or no date at all."""
        return self._spoil(value, missing, broken, _BROKEN_DATES)

    def number(self, value: object, missing: float = 0.008, broken: float = 0.003) -> str:
        """A number that may be missing or no number at all."""
        return self._spoil(str(value), missing, broken, _BROKEN_NUMBERS)

    def spelling(self, value: str) -> str:
        """A name that somebody typed by hand: other case, spaces around."""
        draw = self._random.random()
        if draw < 0.05:
            return value.title()
        return value.lower() if draw < 0.08 else f" {value} " if draw < 0.1 else value

    def orphan(self, value: object, rate: float = 0.005) -> object:
        """A reference that leads nowhere."""
        return 900_000 + int(self._random.integers(1000)) if self._random.random() < rate else value

    def _spoil(self, value: str, missing: float, broken: float, wrong: tuple[str, ...]) -> str:
        draw = self._random.random()
        if draw < missing:
            return ""
        return str(np.asarray(wrong)[self._random.integers(len(wrong))]) if draw < missing + broken else value
