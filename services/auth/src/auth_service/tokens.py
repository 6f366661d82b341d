"""The tokens of a session: a signed access token that anybody can check, and an opaque refresh token."""

import hmac
import json
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self
from uuid import UUID

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
_LEAST_KEY_BITS = 2048
_REFRESH_TOKEN_BYTES = 32


class KeyFileError(ValueError):
    """The signing keys cannot be used; the text says why and names the setting."""


@dataclass(frozen=True)
class SigningKey:
    """A private key with its public half as a JSON Web Key; `key_id` is the thumbprint of RFC 7638."""

    private_key: RSAPrivateKey = field(repr=False)
    key_id: str
    public_jwk: dict[str, str]

    @classmethod
    def of(cls, private_key: RSAPrivateKey) -> Self:
        numbers = private_key.public_key().public_numbers()
        needed = {"e": _base64_number(numbers.e), "kty": "RSA", "n": _base64_number(numbers.n)}
        canonical = json.dumps(needed, separators=(",", ":"), sort_keys=True).encode()
        key_id = _base64(sha256(canonical).digest())
        return cls(private_key, key_id, {**needed, "use": "sig", "alg": "RS256", "kid": key_id})


@dataclass(frozen=True)
class AccessClaims:
    """What an access token says about its bearer."""

    subject: str
    tenant_id: UUID
    role: str
    username: str
    timezone: str
    session_id: UUID
    token_id: UUID
    kind: Literal["person", "program"]
    # A person's; programs have one only.
    access_version: int = 0
    # For the operator's own programs, whose calls are not counted.
    unlimited: bool = False


class TokenSigner:
    """Signs access tokens with the first key and publishes all of them."""

    def __init__(self, keys: list[SigningKey], *, issuer: str, audience: str, life: timedelta) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._life = life

    @property
    def expires_in(self) -> int:
        """Life of an access token in seconds."""
        return int(self._life.total_seconds())

    def sign(self, claims: AccessClaims, now: datetime, life: timedelta | None = None) -> str:
        """Gives an access token that is good from now on, for the usual life or the one given."""
        payload: dict[str, Any] = {
            "sub": claims.subject,
            "tenant_id": str(claims.tenant_id),
            "role": claims.role,
            "username": claims.username,
            "tz": claims.timezone,
            "kind": claims.kind,
            "ver": claims.access_version,
            "sid": str(claims.session_id),
            "jti": str(claims.token_id),
            "token_use": "access",
        }
        if claims.unlimited:
            payload["unlimited"] = True
        return self._signed(payload, now, life or self._life)

    def sign_for_service(
        self, service: str, tenant_id: UUID, target: str, token_id: UUID, now: datetime, life: timedelta
    ) -> str:
        """Gives a token with which a service may call one other in one tenant's matters."""
        payload = {
            "sub": f"service:{service}",
            "tenant_id": str(tenant_id),
            "target": target,
            "jti": str(token_id),
            "token_use": "service",
        }
        return self._signed(payload, now, life)

    def _signed(self, payload: dict[str, Any], now: datetime, life: timedelta) -> str:
        key = self._keys[0]
        issued_at = int(now.timestamp())
        times = {"iat": issued_at, "exp": issued_at + int(life.total_seconds())}
        claims = {"iss": self._issuer, "aud": self._audience, **payload, **times}
        return jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": key.key_id})

    def jwks(self) -> bytes:
        """Gives the public keys as a JSON Web Key Set."""
        return json.dumps({"keys": [key.public_jwk for key in self._keys]}, separators=(",", ":")).encode()


def read_signing_keys(path: str) -> list[SigningKey]:
    """Reads the PEM file of JWT_PRIVATE_KEYS_FILE; raises KeyFileError with a sentence that names the setting."""
    if not path:
        raise KeyFileError("JWT_PRIVATE_KEYS_FILE must name a PEM file with at least one RSA private key.")
    try:
        blocks = [match.group() for match in _PEM_BLOCK.finditer(Path(path).read_bytes())]
        keys = [load_pem_private_key(block, password=None) for block in blocks]
    except OSError as error:
        raise KeyFileError(f"JWT_PRIVATE_KEYS_FILE cannot be read: {path}: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"JWT_PRIVATE_KEYS_FILE holds a key that cannot be read: {path}.") from error
    strong = [key for key in keys if isinstance(key, RSAPrivateKey) and key.key_size >= _LEAST_KEY_BITS]
    if not strong or len(strong) < len(keys):
        raise KeyFileError(f"JWT_PRIVATE_KEYS_FILE must hold RSA private keys of 2048 bits or more only: {path}.")
    return [SigningKey.of(key) for key in strong]


def new_successor_key() -> bytes:
    """Gives 256 random bits."""
    return secrets.token_bytes(_REFRESH_TOKEN_BYTES)


def new_refresh_token() -> str:
    """Gives 256 random bits as text."""
    return secrets.token_urlsafe(_REFRESH_TOKEN_BYTES)


def successor_token(token: str, key: bytes) -> str:
    """Gives the refresh token that follows another; nobody finds it without both the token and the record's key."""
    return _base64(hmac.digest(key, token.encode(), "sha256"))


def refresh_token_hash(token: str) -> bytes:
    """Gives what is stored of a refresh token; it is random, so one quick hash is enough."""
    return sha256(token.encode()).digest()


def _base64_number(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
