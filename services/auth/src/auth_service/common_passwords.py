"""Passwords that are guessed first: the 30,000 commonest, and what people make of them."""

import unicodedata
from collections.abc import Iterable
from functools import cache

from service_runtime.errors import InvalidArgument
from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

_ENDINGS = "0123456789!?.,*#$@_-+"
_LONGEST_ENDING = 6
_LONGEST_REPEATED = 4
_ROWS = ["abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm"]


def refuse_guessable(password: str, *, personal: Iterable[str]) -> None:
    """Raises PASSWORD_TOO_COMMON for a password that is common, a pattern, or one of the person's own names."""
    folded = _fold(password)
    if _is_common(folded) or _is_pattern(folded) or folded in {_fold(text) for text in personal}:
        raise InvalidArgument(
            "PASSWORD_TOO_COMMON", "This password is easy to guess. Choose a longer or more unusual one."
        )


def _is_common(folded: str) -> bool:
    known = _commonest()
    # `password2024!` is tried right after `password`.
    beginning = folded.rstrip(_ENDINGS)
    return folded in known or (beginning in known and len(folded) - len(beginning) <= _LONGEST_ENDING)


def _is_pattern(folded: str) -> bool:
    """Tells `aaaaaaaaaa`, `abcabcabcabc`, `passwordpassword`, `0987654321` and the like."""
    if any(folded in row or folded[::-1] in row for row in _ROWS):
        return True
    for size in range(1, len(folded) // 2 + 1):
        unit = folded[:size]
        if (unit * len(folded))[: len(folded)] == folded and (size <= _LONGEST_REPEATED or _is_common(unit)):
            return True
    return False


@cache
def _commonest() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])


def _fold(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
