"""Cuts a text into words, signs and pauses in one pass of one compiled expression."""

import re
from typing import TypeAlias

from insights_service.lexicon.inflection import fold
from insights_service.lexicon.vocabulary import Term, read_rows

SIGNS: dict[str, Term] = {
    sign: Term("feeling", value, emotions) for value, emotions, _, signs in read_rows("emoji") for sign in signs
}
_EMOJI = "".join(sorted({sign for sign in SIGNS if len(sign) == 1 and ord(sign) > 0x2000}))
_EMOTICONS = "|".join(
    re.escape(sign) + (r"(?!\w)" if sign[-1].isalpha() else "")
    for sign in sorted(SIGNS, key=lambda sign: (-len(sign), sign))
    if ord(sign[0]) < 0x2000 and not sign.isalpha()
)
_TOKEN = re.compile(
    rf"""(?P<skip>https?://\S+|www\.\S+|\bhttp\b|@\w+)
    |(?P<hashtag>\#\w+)
    |(?P<word>[^\W\d_]+(?:['’´`][^\W\d_]+)*)
    |(?P<sign>(?<!\w)(?:{_EMOTICONS})|[{re.escape(_EMOJI)}])
    |(?P<pause>[.,;:!?¡¿…\n()"“”—–|]+)""",
    re.VERBOSE,
)


# A piece of a text: its kind (word, hashtag, sign or pause), the piece itself (words are folded), and whether it is in
# capitals. A plain tuple, since a call makes tens of thousands of them.
Token: TypeAlias = tuple[str, str, bool]


def tokens_of(text: str) -> list[Token]:
    """Gives the pieces of a text in order; addresses, mentions and digits are left out."""
    found: list[Token] = []
    append = found.append
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        piece = match.group()
        if kind == "word":
            append(("word", fold(piece), len(piece) > 2 and piece.isupper()))
        elif kind == "hashtag":
            append(("hashtag", piece[1:], False))
        elif kind == "sign" or kind == "pause":
            append((kind, piece, False))
    return found
