"""The form of an API key: `atl_<id part>_<secret><checksum>`, which scanners can find and a typo cannot fake."""

import re
import secrets
from hashlib import sha256
from zlib import crc32

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 8
# 62**43 is more than 2**256, and 62**6 more than 2**32.
_SECRET_LENGTH, _CHECKSUM_LENGTH = 43, 6
_FORM = re.compile(rf"atl_[0-9A-Za-z]{{{_ID_LENGTH}}}_[0-9A-Za-z]{{{_SECRET_LENGTH + _CHECKSUM_LENGTH}}}", re.ASCII)


def new_key() -> str:
    """Gives a key with 256 random bits."""
    id_part = "".join(secrets.choice(_DIGITS) for _ in range(_ID_LENGTH))
    return compose(id_part, secrets.token_bytes(32))


def compose(id_part: str, secret: bytes) -> str:
    """Gives the key of an id part and 32 bytes."""
    body = f"atl_{id_part}_{_base62(int.from_bytes(secret, 'big'), _SECRET_LENGTH)}"
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Tells whether a key was copied right, from the key alone; whether it is good only the records know."""
    return bool(_FORM.fullmatch(key)) and key[-_CHECKSUM_LENGTH:] == _checksum(key[:-_CHECKSUM_LENGTH])


def prefix(key: str) -> str:
    """Gives the beginning by which people tell keys apart; it says nothing about the rest."""
    return key[: len("atl_") + _ID_LENGTH]


def key_hash(key: str) -> bytes:
    """Gives what is stored of a key; it is random, so one quick hash is enough."""
    return sha256(key.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
