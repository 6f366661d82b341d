"""Envelope encryption: each source has a data key of its own, which a key of the operator's wraps."""

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from service_runtime.errors import Conflict

_KEY_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True)
class Sealed:
    """A secret as it is kept; `key_id` names the operator's key that wrapped the data key."""

    key_id: str
    wrapped_key: bytes
    secret: bytes


class KeyRing:
    """The operator's keys: the first encrypts, all decrypt, so that one can be replaced without a pause."""

    def __init__(self, text: str) -> None:
        """Takes keys of 32 bytes in base64, separated by commas; raises ValueError where one is none."""
        keys = [_key(word) for word in re.split(r"[\s,]+", text.strip()) if word]
        self._keys = {hashlib.sha256(key).hexdigest()[:16]: key for key in keys}

    @property
    def first_id(self) -> str:
        """Names the key that encrypts; empty where there is none."""
        return next(iter(self._keys), "")

    def seal(self, tenant_id: UUID, source_id: UUID, secret: str) -> Sealed:
        """Encrypts a secret for this source alone: in another one's row it does not open."""
        data_key = AESGCM.generate_key(8 * _KEY_BYTES)
        sealed = _encrypt(data_key, secret.encode(), _place(tenant_id, source_id, "secret"))
        return self._wrap(tenant_id, source_id, data_key, sealed)

    def open(self, tenant_id: UUID, source_id: UUID, sealed: Sealed) -> str:
        """Decrypts; raises SOURCE_KEY_MISSING where the operator has no key that does."""
        data_key = self._unwrap(tenant_id, source_id, sealed)
        try:
            return _decrypt(data_key, sealed.secret, _place(tenant_id, source_id, "secret")).decode()
        except InvalidTag:
            raise _missing() from None

    def rewrap(self, tenant_id: UUID, source_id: UUID, sealed: Sealed) -> Sealed:
        """Wraps the data key by the first key; the secret stays as it is."""
        return self._wrap(tenant_id, source_id, self._unwrap(tenant_id, source_id, sealed), sealed.secret)

    def _wrap(self, tenant_id: UUID, source_id: UUID, data_key: bytes, secret: bytes) -> Sealed:
        if not self._keys:
            raise _missing()
        wrapped = _encrypt(self._keys[self.first_id], data_key, _place(tenant_id, source_id, "key"))
        return Sealed(self.first_id, wrapped, secret)

    def _unwrap(self, tenant_id: UUID, source_id: UUID, sealed: Sealed) -> bytes:
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise _missing()
        try:
            return _decrypt(key, sealed.wrapped_key, _place(tenant_id, source_id, "key"))
        except InvalidTag:
            raise _missing() from None


def _key(word: str) -> bytes:
    try:
        key = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError("a key must be 32 bytes in base64")
    return key


def _place(tenant_id: UUID, source_id: UUID, what: str) -> bytes:
    return f"atalaya source {tenant_id}/{source_id} {what}".encode()


def _encrypt(key: bytes, data: bytes, place: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, place)


def _decrypt(key: bytes, data: bytes, place: bytes) -> bytes:
    return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], place)


def _missing() -> Conflict:
    return Conflict("SOURCE_KEY_MISSING", "The operator has set no key that keeps this source's credentials.")
