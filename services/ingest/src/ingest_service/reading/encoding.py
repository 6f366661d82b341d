"""Finds a file's encoding and gives its text as UTF-8, without ever holding more than a piece of it."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes
from service_runtime.errors import InvalidArgument

_PIECE = 1 << 20
_SAMPLE = 1 << 18
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What Spanish, Portuguese, French and German texts have above ASCII: letters, quotes, dashes, the euro.
_WESTERN = frozenset(
    "áéíóúüñÁÉÍÓÚÜÑ¿¡ªº°àèìòùâêîôûäëïöçãõÀÈÌÒÙÂÊÎÔÛÄËÏÖÇÃÕß«»“”‘’–—…€£§©®™´·¨×½¼²³æøåÆØÅ\u00a0".encode("cp1252")
)
MIXED = "utf-8 with lines in cp1252"


def _as_it_is(error: UnicodeError) -> tuple[str, int]:
    """Decodes the five bytes that cp1252 has no letter for as browsers do: to the character of the same number."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("as_it_is", _as_it_is)


@dataclass(frozen=True)
class PreparedText:
    """A UTF-8 file, where its text begins (after a byte order mark), and the encoding it came in."""

    path: Path
    start: int
    encoding: str


def check_encoding(name: str) -> None:
    """Raises where a caller names an encoding that there is not."""
    try:
        if name and not codecs.lookup(name)._is_text_encoding:
            raise LookupError(name)
    except (LookupError, ValueError) as error:
        raise InvalidArgument("BAD_ENCODING", "There is no such text encoding.", encoding=name) from error


def prepare(source: Path, wanted: str, target: Path) -> PreparedText:
    """Gives the file's text as UTF-8: the file itself where it is that already, else written to `target`."""
    with source.open("rb") as file:
        head = file.read(_SAMPLE)
    mark, marked = next(((mark, name) for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), (b"", ""))
    encoding = _of_mark(wanted, marked) or _without_mark(head)
    start = len(mark) if marked and _family(encoding) == _family(marked) else 0
    if _family(encoding) == "utf-8":
        fault = _first_fault(source, start)
        if fault is None:
            return PreparedText(source, start, "utf-8 with a byte order mark" if start else "utf-8")
        if wanted:
            raise _wrong("utf-8", source, fault)
        encoding = _guess(source, fault)
    elif not wanted and not marked and encoding == "":
        encoding = "utf-8"
    _transcode(source, start, encoding, target, is_guess=not wanted)
    return PreparedText(target, 0, encoding)


def _family(encoding: str) -> str:
    name = codecs.lookup(encoding).name if encoding and encoding != MIXED else encoding
    return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le", "ascii": "utf-8"}.get(name, name)


def _of_mark(wanted: str, marked: str) -> str:
    # `utf-16` leaves the byte order to the mark.
    if wanted and codecs.lookup(wanted).name in {"utf-16", "utf-32"} and marked.startswith(codecs.lookup(wanted).name):
        return marked
    return _family(wanted) if wanted else marked


def _without_mark(head: bytes) -> str:
    # Text of two bytes a letter shows itself by NUL bytes on one side of most pairs.
    pairs = len(head) // 2
    if pairs >= 4:
        if head[1::2].count(0) > 0.7 * pairs and head[0::2].count(0) < 0.1 * pairs:
            return "utf-16-le"
        if head[0::2].count(0) > 0.7 * pairs and head[1::2].count(0) < 0.1 * pairs:
            return "utf-16-be"
    return "utf-8"


def _first_fault(source: Path, start: int) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with source.open("rb") as file:
        file.seek(start)
        place = start
        try:
            while piece := file.read(_PIECE):
                decoder.decode(piece)
                place += len(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            # The decoder may have kept a few bytes of the piece before.
            return max(start, place + error.start - 3)
    return None


def _guess(source: Path, fault: int) -> str:
    with source.open("rb") as file:
        file.seek(max(0, fault - _SAMPLE // 2))
        sample = file.read(_SAMPLE)
    lines = [line for line in sample.splitlines() if not line.isascii()][:2000]
    valid = sum(1 for line in lines[1:-1] if _is_utf8(line))
    if valid >= 2 and valid >= 0.1 * len(lines):
        return MIXED
    above = re.findall(rb"[\x80-\xff]", sample)
    if above and sum(1 for byte in above if byte[0] in _WESTERN) >= 0.98 * len(above):
        return "cp1252"
    best = from_bytes(sample).best()
    if best is None:
        raise InvalidArgument(
            "ENCODING_UNKNOWN", "The file is not text in any encoding that we can tell; name it by `encoding`."
        )
    return best.encoding


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _transcode(source: Path, start: int, encoding: str, target: Path, *, is_guess: bool) -> None:
    with source.open("rb") as file, target.open("wb") as text:
        file.seek(start)
        if encoding == MIXED:
            for line in file:
                text.write(line if _is_utf8(line) else line.decode("cp1252", errors="as_it_is").encode())
            return
        errors = "as_it_is" if is_guess and encoding == "cp1252" else "strict"
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        place = start
        try:
            while piece := file.read(_PIECE):
                text.write(decoder.decode(piece).encode())
                place += len(piece)
            text.write(decoder.decode(b"", final=True).encode())
        except UnicodeError as error:
            raise _wrong(encoding, source, place + int(getattr(error, "start", 0))) from error


def _wrong(encoding: str, source: Path, place: int) -> InvalidArgument:
    with source.open("rb") as file:
        line, left = 1, place
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            line += piece.count(b"\n")
            left -= len(piece)
    message = f"The file is not {encoding}: near line {line} (byte {place}) it has bytes that {encoding} has not."
    return InvalidArgument("WRONG_ENCODING", message, encoding=encoding, line=line)
