"""Reads CSV as RFC 4180 with tolerance for dirt: finds the plain files, and tells the cells of the others apart."""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 4 * 1024 * 1024
# A cell longer than this is a quote that was never closed.
_LONGEST_CELL = 64 * 1024 * 1024
# A quote after a space is text by RFC 4180, and the beginning of a quoted cell to the bulk reader.
_QUOTE_AFTER_SPACE = re.compile(rb'[,\r\n][ \t]+"')
# Bytes without which no cell has white space around it; the last is the end of a no-break space, and a quoted cell may
# begin or end with the end of a line.
_WHITE_OR_QUOTE = (b" ", b'"', b"\t", b"\v", b"\f", b"\xa0")
_LONE_RETURN = re.compile(r"\r(?!\n)")
# Stands for a carriage return inside a cell while the lines are told apart; a non-character, so no text holds it.
_RETURN_MARK = "\ufdd0"


class UnreadableCsv(Exception):
    """The file is not a CSV that can be told apart into cells."""


@dataclass(frozen=True)
class CsvFile:
    """A CSV file: its column names (trimmed, lower case; empty for a file without a header), whether it is plain, and
    whether no cell of a plain one can have white space around it."""

    path: Path
    header: tuple[str, ...]
    is_plain: bool
    is_trimmed: bool = False

    @property
    def size(self) -> int:
        return self.path.stat().st_size


def inspect(path: Path) -> CsvFile:
    """Tells a file's columns, and whether the bulk reader can be trusted with its bytes."""
    header, lines = header_of(path)
    if not header or lines != 1:
        return CsvFile(path, header, is_plain=False)
    is_plain, is_trimmed = _looked_through(path)
    return CsvFile(path, header, is_plain, is_trimmed)


def header_of(path: Path) -> tuple[tuple[str, ...], int]:
    """The column names, and how many lines they take with the blank ones before them."""
    reader = csv.reader(_lines(path))
    for row in _checked(reader):
        return tuple(cell.strip().lower() for cell in row), reader.line_num
    return (), 0


def _looked_through(path: Path) -> tuple[bool, bool]:
    """Whether the bytes are UTF-8, with no lone carriage return and no quote after a space; and whether there is no
    white space but the ends of lines."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    seen, is_trimmed = b"", True
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            try:
                # Telling that all is ASCII is many times as fast as decoding.
                if not chunk.isascii() or decoder.getstate()[0]:
                    decoder.decode(chunk)
            except UnicodeDecodeError:
                return False, False
            # A few bytes of the last chunk show what stands across the border.
            seen = seen[-64:] + chunk
            if b"\0" in seen or _has_lone_return(seen) or _has_quote_after_space(seen):
                return False, False
            is_trimmed = is_trimmed and not any(byte in seen for byte in _WHITE_OR_QUOTE)
    return not seen.endswith(b"\r") and decoder.getstate()[0] == b"", is_trimmed


# Looking for one byte is many times as fast as for two, and most files have neither returns nor quotes.


def _has_lone_return(data: bytes) -> bool:
    return b"\r" in data and data.count(b"\r") - data.endswith(b"\r") != data.count(b"\r\n")


def _has_quote_after_space(data: bytes) -> bool:
    return b'"' in data and (b' "' in data or b'\t"' in data) and bool(_QUOTE_AFTER_SPACE.search(data))


def records(path: Path) -> Iterator[list[str]]:
    """All rows with the header's, blank lines left out."""
    return _checked(csv.reader(_lines(path)))


def _checked(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows that are not blank, with their carriage returns again."""
    csv.field_size_limit(_LONGEST_CELL)
    try:
        for row in rows:
            if not _is_blank(row):
                yield [cell.replace(_RETURN_MARK, "\r") for cell in row] if _has_mark(row) else row
    except csv.Error as error:
        raise UnreadableCsv("a cell never ends") from error


def _has_mark(row: list[str]) -> bool:
    return any(_RETURN_MARK in cell for cell in row)


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip(" \t\r\n\v\f\u00a0" + _RETURN_MARK))


def _lines(path: Path) -> Iterator[str]:
    """The lines with their ends, bad bytes as U+FFFD; a lone carriage return does not end a line."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        while line := file.readline(_LONGEST_CELL):
            if len(line) == _LONGEST_CELL and not line.endswith("\n"):
                raise UnreadableCsv("a line never ends")
            yield _LONE_RETURN.sub(_RETURN_MARK, line) if "\r" in line else line
