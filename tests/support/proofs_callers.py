"""Who tries: tokens as auth would sign them for people and services of a suite, and some that it never would."""

import json
import time
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from local_suite.credentials import signing_keys
from local_suite.home import Home

ROLES = ("viewer", "user", "admin")


@dataclass(frozen=True)
class Person:
    """Somebody of a tenant."""

    user_id: str
    tenant_id: str
    role: str
    username: str
    email: str
    password: str


class SuiteTokens:
    """Signs with the suite's own key. Each token is a session of its own, so that who ends it ends nobody else's."""

    def __init__(self, home: Home) -> None:
        pem = signing_keys(home).read_bytes()
        self._key: Any = load_pem_private_key(pem, password=None)

    @cached_property
    def _other_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def _key_id(self) -> str:
        numbers = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        needed = {name: numbers[name] for name in ("e", "kty", "n")}
        digest = sha256(json.dumps(needed, separators=(",", ":"), sort_keys=True).encode()).digest()
        return jwt.utils.base64url_encode(digest).decode()

    def of_person(self, person: Person, **claims: Any) -> str:
        """An access token of a person."""
        return self._signed(
            {
                "sub": person.user_id,
                "tenant_id": person.tenant_id,
                "role": person.role,
                "username": person.username,
                "tz": "America/Lima",
                "kind": "person",
                "ver": 0,
                "sid": str(uuid4()),
                "token_use": "access",
                **claims,
            }
        )

    def expired(self, person: Person) -> str:
        """A token that was good until an hour ago."""
        now = int(time.time())
        return self.of_person(person, iat=now - 7200, exp=now - 3600)

    def of_service(self, target: str, tenant_id: str) -> str:
        """A token with which a service may call another in one tenant's matters."""
        caller = "auth" if target != "auth" else "ingest"
        claims = {"sub": f"service:{caller}", "tenant_id": tenant_id, "target": target, "token_use": "service"}
        return self._signed(claims)

    def by_unknown_key(self, person: Person) -> str:
        """A token in perfect form that somebody else has signed, under the name of the suite's key."""
        claims = jwt.decode(self.of_person(person), options={"verify_signature": False})
        return jwt.encode(claims, self._other_key, algorithm="RS256", headers={"kid": self._key_id})

    def _signed(self, claims: dict[str, Any]) -> str:
        now = int(time.time())
        usual = {"iss": "atalaya", "aud": "atalaya", "iat": now, "exp": now + 900, "jti": str(uuid4())}
        return jwt.encode({**usual, **claims}, self._key, algorithm="RS256", headers={"kid": self._key_id})


def bearer(token: str) -> dict[str, str]:
    """Gives the header of a call with a token or an API key."""
    return {"authorization": f"Bearer {token}"} if token else {}
