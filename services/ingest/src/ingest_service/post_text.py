"""What a post's text tells: as imports find it in SQL, by `conversion.typed_rows`."""

import unicodedata
from itertools import pairwise


def found_hashtags(contenido: str) -> str:
    """Gives the hashtags of a text by space, in its order."""
    found = []
    for piece in contenido.split("#")[1:]:
        end = next((place for place, letter in enumerate(piece) if not _in_word(letter)), len(piece))
        if end:
            found.append(f"#{piece[:end]}")
    return " ".join(found)


def found_mentions(contenido: str) -> int:
    """Counts the mentions of a text: an @ before a word and not behind one, as in an address."""
    pieces = contenido.split("@")
    return sum(
        1
        for before, after in pairwise(pieces)
        if after and _in_word(after[0]) and not (before and _in_word(before[-1]))
    )


def _in_word(letter: str) -> bool:
    return letter == "_" or unicodedata.category(letter)[0] in "LNM"
