"""JSON Lines as a table: a column for every key that any line has, values as the text that stands in the file."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from service_runtime.errors import InvalidArgument

from ingest_service.reading.batch_arrays import numbers
from ingest_service.reading.encoding import PreparedText
from ingest_service.reading.line_arrays import LineArrays
from ingest_service.reading.lines import LARGEST_ROW, Line, whole_lines
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.table import Batch, batch_schema
from ingest_service.reading.table_file import WIDEST

_ROWS = 5_000
# Of lines that are no rows, of which there may be many; more of them is shown from the file.
_SHOWN = 100


class _Number(str):
    """A number as its text, so that no digit is lost."""

    __slots__ = ()


class _BadLineError(ValueError):
    """Why a line is no row, in words."""


def looks_like_json_lines(beginning: bytes) -> bool:
    """Tells whether the first line is a JSON object, or begins like one where it is longer than what was read."""
    line = beginning.lstrip().splitlines()[:1]
    if not line or not line[0].startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line[0]), dict)
    except ValueError:
        return len(line[0]) == len(beginning.lstrip()) and line[0][1:].lstrip().startswith(b'"')


class JsonLines:
    """A file with a JSON object on each line."""

    part = ""

    def __init__(self, text: PreparedText) -> None:
        self.text = text
        self._size = max(1, text.path.stat().st_size - text.start)
        self._decoder = json.JSONDecoder(
            parse_float=_Number, parse_int=_Number, parse_constant=_refuse, object_pairs_hook=_object
        )
        self.header = self._find_keys()

    def _find_keys(self) -> list[str]:
        keys: dict[str, None] = {}
        for lines in self._pieces():
            for place in lines.candidates():
                try:
                    found = json.loads(lines.text(place))
                except (ValueError, RecursionError):
                    continue
                if isinstance(found, dict) and not found.keys() <= keys.keys():
                    keys.update(dict.fromkeys(key for key in found if not _has_half_pair(key)))
                    if len(keys) > WIDEST:
                        raise InvalidArgument(
                            "UNREADABLE_FILE", f"The lines have more than {WIDEST} different keys; a table has no more."
                        )
        if not keys:
            raise InvalidArgument("UNREADABLE_FILE", "No line of the file is a JSON object with a key.")
        return list(keys)

    def _pieces(self) -> Iterator[LineArrays]:
        number = 1
        for piece in whole_lines(self.text.path, self.text.start):
            lines = LineArrays(piece, number)
            yield lines
            number += len(lines)

    def told(self) -> dict[str, str]:
        return {"encoding": self.text.encoding}

    def raw(self, rejection: Rejection, most: int) -> str:
        with self.text.path.open("rb") as file:
            file.seek(rejection.start)
            return file.read(min(rejection.size, 4 * most)).decode(errors="replace").rstrip("\r\n")[:most]

    def cells(self, text: str) -> list[str]:
        try:
            row = self._row(text.strip())
        except _BadLineError:
            return []
        return [_text(row.get(name)) for name in self.header]

    def batches(self, columns: Sequence[int]) -> Iterator[Batch]:
        names = [self.header[column] for column in columns]
        for lines in self._pieces():
            done = min(1.0, (lines.piece.end - self.text.start) / self._size)
            places: list[int] = []
            cells: list[list[str]] = [[] for _ in names]
            for place in lines.candidates():
                text = lines.text(place)
                try:
                    row = self._row(text)
                except _BadLineError:
                    # Letters that only look like nothing make no line.
                    lines.is_bad[place] = bool(text)
                    continue
                places.append(place)
                for column, name in zip(cells, names, strict=True):
                    value = row.get(name, "")
                    column.append(value if isinstance(value, str) else _text(value))
                if len(places) >= _ROWS:
                    yield Batch(_rows(lines, places, cells), [], done)
                    places, cells = [], [[] for _ in names]
            rejections = BadLines(lines, self._fault)
            if places or rejections:
                yield Batch(_rows(lines, places, cells), rejections, done)

    def _fault(self, line: Line) -> str:
        """Says why a line is no row."""
        if line.too_long:
            return f"the line is longer than {LARGEST_ROW} bytes"
        try:
            self._row(line.text)
        except _BadLineError as error:
            return str(error)
        raise AssertionError("a rejected line is a row")

    def _row(self, text: str) -> dict[str, Any]:
        try:
            row, end = self._decoder.raw_decode(text)
        except RecursionError as error:
            raise _BadLineError("objects are nested too deeply") from error
        except _BadLineError:
            raise
        except ValueError as error:
            raise _BadLineError("is not JSON") from error
        if end != len(text):
            raise _BadLineError("has something behind the JSON object")
        if not isinstance(row, dict):
            raise _BadLineError("is not a JSON object")
        if "\\u" in text and _has_half_pair(_text(row)):
            raise _BadLineError("has half of a surrogate pair")
        return row


class BadLines:
    """Lines of a piece that are no rows: why, is found out for those alone that are looked at."""

    def __init__(self, lines: LineArrays, fault: Callable[[Line], str]) -> None:
        self._lines = lines
        self._fault = fault
        self._places = np.flatnonzero(lines.is_bad)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Rejection]:
        for place in map(int, self._places):
            line = self._lines.line(place)
            yield Rejection(line.number, "", line.text[:_SHOWN], self._fault(line), line.start, line.size)


def _rows(lines: LineArrays, places: Sequence[int], cells: Sequence[list[str]]) -> pa.RecordBatch:
    at = np.array(places, np.int64)
    arrays = [
        numbers(at + lines.number, pa.int32(), np.int32),
        numbers(lines.starts[at] + lines.piece.start, pa.int64(), np.int64),
        numbers(lines.sizes[at], pa.int32(), np.int32),
        *(pa.array(column, pa.string()) for column in cells),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch_schema(len(cells)))


def _text(value: Any) -> str:
    """Gives a value's text; objects and arrays as compact JSON, null as nothing."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    return _compact(value)


def _compact(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}:{_compact(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _BadLineError("has a key twice")
    return found


def _refuse(name: str) -> None:
    raise _BadLineError(f"{name} is not JSON")


def _has_half_pair(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
