"""The cells of a row, also where its quotes are not as they should be."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ingest_service.reading.dialect import Dialect


class UnclosedError(Exception):
    """A quote opens a cell that no line closes."""


class MisplacedError(Exception):
    """A quoted cell goes on behind its closing quote."""


@dataclass(frozen=True)
class CellParser:
    """Reads rows of one dialect, strictly or in one of two ways that take stray quotes for text."""

    dialect: Dialect

    @cached_property
    def _strict_end(self) -> re.Pattern[str]:
        quote, escape = re.escape(self.dialect.quote), re.escape(self.dialect.escape)
        if escape:
            return re.compile(f"(?:[^{quote}{escape}]|{escape}.)*+{quote}", re.DOTALL)
        return re.compile(f"[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+{quote}")

    @cached_property
    def _lenient_end(self) -> re.Pattern[str]:
        quote, delimiter = re.escape(self.dialect.quote), re.escape(self.dialect.delimiter)
        within = rf"{quote}(?!{delimiter}|\r|\n|\Z)"
        return re.compile(f"(?:[^{quote}]|{quote}{quote}|{within})*+{quote}")

    @cached_property
    def _enclosing(self) -> re.Pattern[str]:
        quote, delimiter = re.escape(self.dialect.quote), re.escape(self.dialect.delimiter)
        text = f"[^{quote}{delimiter}\r\n]"
        cells = f"(?:[^{quote}]|{quote}{quote})*+"
        return re.compile(rf"(?:^|{delimiter}){text}++{quote}(?={text})({cells}){quote}(?={delimiter}|[\r\n]|\Z)")

    def may_enclose(self, line: str) -> bool:
        """Tells whether a quote within a cell may open what another one closes behind a delimiter.

        That is so only where the row has quoted cells too: else its quotes are inches.
        """
        delimiter, quote = self.dialect.delimiter, self.dialect.quote
        if not line.startswith(quote) and delimiter + quote not in line:
            return False
        return any(delimiter in found[1] for found in self._enclosing.finditer(line))

    def strict(self, line: str, more: Callable[[], str]) -> list[str]:
        """Reads a row whose quotes open and close whole cells; raises where they do not."""
        return self._cells(line, more, self._strict_end, literal=False)

    def inner_quotes(self, line: str, more: Callable[[], str]) -> list[str]:
        """Takes a quote within a quoted cell for text where no delimiter follows."""
        return self._cells(line, more, self._lenient_end, literal=False)

    def opening_quotes(self, line: str) -> list[str]:
        """Takes a quote at a cell's beginning for text where nothing closes it."""
        return self._cells(line, _nothing_more, self._strict_end, literal=True)

    def _cells(self, line: str, more: Callable[[], str], ends: re.Pattern[str], *, literal: bool) -> list[str]:
        delimiter, quote = self.dialect.delimiter, self.dialect.quote
        cells: list[str] = []
        place = 0
        while True:
            if self.dialect.skip_space:
                while line.startswith(" ", place):
                    place += 1
            if line.startswith(quote, place):
                try:
                    cell, line, place = self._quoted(line, place + len(quote), more, ends)
                except (UnclosedError, MisplacedError):
                    if not literal:
                        raise
                    cell, place = self._bare(line, place)
            else:
                cell, place = self._bare(line, place)
            cells.append(cell)
            if not line.startswith(delimiter, place):
                return cells
            place += len(delimiter)

    def _bare(self, line: str, place: int) -> tuple[str, int]:
        end = line.find(self.dialect.delimiter, place)
        if end < 0:
            end = len(line.rstrip("\r\n"))
        cell = line[place : max(place, end)]
        if self.dialect.escape:
            cell = cell.replace(self.dialect.escape + self.dialect.quote, self.dialect.quote)
        return cell, max(place, end)

    def _quoted(self, line: str, place: int, more: Callable[[], str], ends: re.Pattern[str]) -> tuple[str, str, int]:
        pieces: list[str] = []
        while (found := ends.match(line, place)) is None:
            pieces.append(line[place:])
            line, place = more(), 0
        pieces.append(line[place : found.end() - 1])
        place = found.end()
        if self.dialect.skip_space and line[place:].strip(" \r\n") == "":
            place = len(line.rstrip("\r\n"))
        if place < len(line.rstrip("\r\n")) and not line.startswith(self.dialect.delimiter, place):
            raise MisplacedError
        quote, escape = self.dialect.quote, self.dialect.escape
        cell = "".join(pieces)
        if escape:
            return re.sub(re.escape(escape) + "(.)", r"\1", cell, flags=re.DOTALL), line, place
        return cell.replace(quote * 2, quote), line, place


def _nothing_more() -> str:
    raise UnclosedError
