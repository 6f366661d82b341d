"""The tokens that mails carry: opaque, good once, and stored as their hash alone."""

import secrets
from hashlib import sha256

_BYTES = 32


def new_mail_token() -> str:
    """Gives 256 random bits as text."""
    return secrets.token_urlsafe(_BYTES)


def mail_token_hash(token: str) -> bytes:
    """Gives what is stored of a token; it is random, so one quick hash is enough."""
    return sha256(token.encode()).digest()
