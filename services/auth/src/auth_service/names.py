"""Names as people write them: which are refused, and the form in which they are compared."""

import re
import unicodedata
from uuid import UUID

from service_runtime.errors import InvalidArgument
from service_runtime.time_zones import time_zones

# Joiners are part of words in some scripts and of emoji; every other invisible character can only mislead.
_JOINERS = {"\u200c", "\u200d"}
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_NOT_IN_USERNAMES = re.compile(r"[^\w.-]+")


def clean_text(field: str, text: str) -> str:
    """Gives the text with its spaces in order; refuses control characters and text of spaces alone."""
    if any(unicodedata.category(char) in _REFUSED_CATEGORIES and char not in _JOINERS for char in text):
        raise InvalidArgument("INVALID_TEXT", f"{field} contains a control character.", field=field)
    cleaned = " ".join(unicodedata.normalize("NFC", text).split())
    if not cleaned.strip("".join(_JOINERS)):
        raise InvalidArgument("INVALID_TEXT", f"{field} is blank.", field=field)
    return cleaned


def comparison_key(text: str) -> str:
    """Gives the form in which e-mail addresses, user names and tenant names are compared."""
    # Case folding can undo the composition, and composing can bring back what folds: hence NFKC on both sides.
    folded = unicodedata.normalize("NFKC", text).casefold()
    # PostgreSQL takes no NUL; what stands for it here is in no name that was ever registered.
    return " ".join(unicodedata.normalize("NFKC", folded).replace("\0", "\ufffd").split())


def username_from_email(email: str) -> str:
    """Derives a user name from the local part of an address."""
    local = comparison_key(email.rpartition("@")[0])
    return _NOT_IN_USERNAMES.sub("-", local).strip(".-_")[:64] or "user"


def require_username(name: str) -> str:
    """Gives a user name back; refuses what cannot be one: a name with an at sign would be taken for an address."""
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise InvalidArgument("BAD_USERNAME", "A user name has letters, digits and ._- only.", username=name)
    return name


def as_uuid(text: str) -> UUID | None:
    """Gives the id that a token's claim names; a program's may be none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def require_timezone(name: str) -> str:
    """Gives the name of a time zone back, or raises ValueError."""
    if name not in time_zones():
        raise ValueError("is no time zone of the IANA list")
    return name
