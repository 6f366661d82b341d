"""Letters of cp1252 that came to UTF-8 as control characters, since somebody took their text for Latin-1."""

import codecs
import re
from pathlib import Path

from ingest_service.reading.encoding import PreparedText

_PIECE = 1 << 20
_CONTROL = re.compile(rb"\xc2[\x80-\x9f]")
# What stands before one in UTF-8 that was encoded twice.
_FIRST_HALVES = {letter.encode() for letter in "ÂÃÄÅÎÏÐÑâð"}
_LETTERS = {code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in b"\x81\x8d\x8f\x90\x9d"}
# By itself this one is what some systems end lines with.
_NEXT_LINE = 0x85


def with_letters_of_cp1252(text: PreparedText, target: Path) -> PreparedText:
    """Gives a text with dashes and quotes for its control characters, where each of them can be such a letter."""
    found = _control_characters(text)
    if not found - {_NEXT_LINE} or not found <= _LETTERS.keys():
        return text
    decoder = codecs.getincrementaldecoder("utf-8")()
    with text.path.open("rb") as file, target.open("wb") as letters:
        file.seek(text.start)
        while piece := file.read(_PIECE):
            letters.write(decoder.decode(piece).translate(_LETTERS).encode())
    return PreparedText(target, 0, f"{text.encoding} with control characters read as letters of cp1252")


def _control_characters(text: PreparedText) -> set[int]:
    """Gives the control characters of a text; none where it was encoded twice: then they are halves of letters."""
    found: set[int] = set()
    held = b""
    with text.path.open("rb") as file:
        file.seek(text.start)
        while piece := file.read(_PIECE):
            held += piece
            for control in _CONTROL.finditer(held):
                place = control.start()
                if held[max(0, place - 2) : place] in _FIRST_HALVES:
                    return set()
                found.add(held[place + 1])
            held = held[-3:]
    return found
