"""Access tokens as auth would sign them."""

import json
import time
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from service_runtime.token_verifier import TokenVerifier


class TestIssuer:
    """Signs tokens with a key of its own and publishes that key."""

    __test__ = False

    def __init__(self, key_id: str = "test-key") -> None:
        self.key_id = key_id
        self.private_key = _new_key(key_id)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private_key.public_key()))
        self.jwks = json.dumps({"keys": [{**public, "kid": key_id, "use": "sig", "alg": "RS256"}]}).encode()
        self.fetches = 0

    async def fetch_jwks(self) -> bytes:
        """Gives the published keys and counts how often."""
        self.fetches += 1
        return self.jwks

    def verifier(self) -> TokenVerifier:
        """Makes a verifier that trusts this issuer."""
        return TokenVerifier(self.fetch_jwks, "atalaya", "atalaya")

    def token(self, tenant_id: UUID | str, /, role: str = "admin", **claims: Any) -> str:
        """Signs a token that holds for an hour; `claims` replace or add to the usual ones, None leaves one out."""
        now = int(time.time())
        usual = {
            "iss": "atalaya",
            "aud": "atalaya",
            "sub": str(uuid4()),
            "tenant_id": str(tenant_id),
            "role": role,
            "username": f"test-{role}",
            "tz": "America/Mexico_City",
            "sid": str(uuid4()),
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 3600,
            "token_use": "access",
        }
        kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(kept, self.private_key, algorithm="RS256", headers={"kid": self.key_id})

    def bearer(self, tenant_id: UUID | str, /, role: str = "admin", **claims: Any) -> tuple[tuple[str, str], ...]:
        """Gives the metadata of a call with such a token."""
        return bearer(self.token(tenant_id, role, **claims))


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Gives the metadata of a call with a token."""
    return (("authorization", f"Bearer {token}"),)


@cache
def _new_key(_key_id: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
