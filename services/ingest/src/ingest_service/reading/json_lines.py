"""JSON Lines as a table: a column for every key that any line has, values as the text that stands in the file."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from service_runtime.errors import InvalidArgument

from ingest_service.reading.encoding import PreparedText
from ingest_service.reading.lines import LARGEST_ROW, Line, physical_lines
from ingest_service.reading.rejection import Rejection
from ingest_service.reading.table import Batch, batch_schema
from ingest_service.reading.table_file import WIDEST

_ROWS, _BYTES = 5_000, 1 << 20
# Of lines that are no rows, of which there may be many; more of them is shown from the file.
_SHOWN = 100


# Number, start and size of a line.
_Place = tuple[int, int, int]


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

    def __init__(self, text: PreparedText) -> None:
        self.text = text
        self._size = max(1, text.path.stat().st_size - text.start)
        self._decoder = json.JSONDecoder(
            parse_float=_Number, parse_int=_Number, parse_constant=_refuse, object_pairs_hook=_object
        )
        self.header = self._find_keys()

    def _find_keys(self) -> list[str]:
        keys: dict[str, None] = {}
        for line in physical_lines(self.text.path, self.text.start, 1):
            if line.too_long or not line.text.strip():
                continue
            try:
                found = json.loads(line.text)
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

    def told(self) -> dict[str, str]:
        return {"encoding": self.text.encoding}

    def raw(self, rejection: Rejection, most: int) -> str:
        with self.text.path.open("rb") as file:
            file.seek(rejection.start)
            return file.read(min(rejection.size, 4 * most)).decode(errors="replace").rstrip("\r\n")[:most]

    def cells(self, text: str) -> list[str]:
        try:
            row = self._row(Line(text, 0, len(text), 1))
        except _BadLineError:
            return []
        return [_text(row.get(name)) for name in self.header]

    def batches(self, columns: Sequence[int]) -> Iterator[Batch]:
        names = [self.header[column] for column in columns]
        places: list[_Place] = []
        cells: list[list[str]] = [[] for _ in names]
        rejections: list[Rejection] = []
        size = 0
        for line in physical_lines(self.text.path, self.text.start, 1):
            if not line.too_long and not line.text.strip():
                continue
            try:
                row = self._row(line)
            except _BadLineError as error:
                shown = line.text[:_SHOWN].rstrip("\r\n")
                rejections.append(Rejection(line.number, "", shown, str(error), line.start, line.size))
            else:
                places.append((line.number, line.start, line.size))
                for column, name in zip(cells, names, strict=True):
                    value = row.get(name, "")
                    column.append(value if isinstance(value, str) else _text(value))
            size += len(line.text)
            if len(places) + len(rejections) >= _ROWS or size >= _BYTES:
                yield self._batch(places, cells, rejections, line)
                places, cells, rejections, size = [], [[] for _ in names], [], 0
        if places or rejections:
            yield self._batch(places, cells, rejections, None)

    def _row(self, line: Line) -> dict[str, Any]:
        if line.too_long:
            raise _BadLineError(f"the line is longer than {LARGEST_ROW} bytes")
        text = line.text.strip()
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

    def _batch(
        self, places: list[_Place], cells: list[list[str]], rejections: list[Rejection], last: Line | None
    ) -> Batch:
        arrays = [
            pa.array([number for number, _, _ in places], pa.int32()),
            pa.array([start for _, start, _ in places], pa.int64()),
            pa.array([size for _, _, size in places], pa.int32()),
            *(pa.array(column, pa.string()) for column in cells),
        ]
        done = (last.start + last.size - self.text.start) / self._size if last else 1.0
        return Batch(pa.RecordBatch.from_arrays(arrays, schema=batch_schema(len(cells))), rejections, min(1.0, done))


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
