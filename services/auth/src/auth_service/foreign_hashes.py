"""Hashes that other systems made: people keep their passwords when they move in."""

import re

import bcrypt
from argon2 import Type, extract_parameters
from argon2.exceptions import InvalidHashError

# Verifying must not take long or much memory: a hash is checked at every log-in until it is upgraded by one.
_MOST_MEMORY_KIB = 256 * 1024
_MOST_PASSES = 10
_MOST_LANES = 16
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72


def is_bcrypt(password_hash: str) -> bool:
    return password_hash.startswith(("$2a$", "$2b$", "$2y$"))


def check_bcrypt(password_hash: str, password: str) -> bool:
    """Tells whether the password has that hash.

    bcrypt looks at 72 bytes alone. A longer password is refused: its beginning would do in its place, and nobody could
    tell. Its owner gets in by a reset.
    """
    data = password.encode()
    try:
        right = bcrypt.checkpw(data[:_BCRYPT_BYTES], password_hash.encode())
    except ValueError:
        return False
    return right and len(data) <= _BCRYPT_BYTES


def is_acceptable(password_hash: str) -> bool:
    """Tells whether a hash can be taken over: argon2id, or bcrypt, with parameters that can be afforded."""
    if is_bcrypt(password_hash):
        return _BCRYPT.fullmatch(password_hash) is not None
    try:
        made = extract_parameters(password_hash)
    except InvalidHashError:
        return False
    return (
        made.type is Type.ID
        and made.memory_cost <= _MOST_MEMORY_KIB
        and made.time_cost <= _MOST_PASSES
        and made.parallelism <= _MOST_LANES
    )
