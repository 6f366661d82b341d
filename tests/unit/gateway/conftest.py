"""One Envoy before one backend, for all tests of the gateway."""

import json
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support.backend_servicer import Auth, build_backend
from support.gateway_process import GatewayProcess

TENANT = "0192f3a4-0000-7000-8000-000000000001"
NOW_AND_LONG = {"iat": 1_700_000_000, "exp": 4_000_000_000}


@dataclass
class Signer:
    """Signs tokens as auth does."""

    key: rsa.RSAPrivateKey
    key_id: str

    def token(self, role: str = "admin", **claims: object) -> str:
        content = {
            "iss": "atalaya",
            "aud": "atalaya",
            "sub": "0192f3a4-0000-7000-8000-000000000002",
            "tenant_id": TENANT,
            "role": role,
            "username": "rosa",
            "sid": "session",
            "token_use": "access",
            **NOW_AND_LONG,
            **claims,
        }
        return jwt.encode(content, self.key, algorithm="RS256", headers={"kid": self.key_id})

    def jwk(self) -> dict[str, object]:
        published = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {**published, "kid": self.key_id, "use": "sig", "alg": "RS256"}


def new_signer(key_id: str) -> Signer:
    return Signer(rsa.generate_private_key(public_exponent=65537, key_size=2048), key_id)


@dataclass
class Edge:
    """What a test needs: the gateway's URL and port, a signer whose key is published, and the backend's auth."""

    url: str
    port: int
    signer: Signer
    auth: Auth
    log: Path


@pytest.fixture(name="new_signer", scope="session")
def new_signer_fixture() -> Callable[[str], Signer]:
    return new_signer


@pytest.fixture(scope="session")
async def edge() -> AsyncIterator[Edge]:
    signer = new_signer("first")
    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        folder = Path(name)
        address = str(folder / "backend.sock")
        server, auth = build_backend(f"unix:{address}", json.dumps({"keys": [signer.jwk()]}).encode())
        await server.start()
        process = GatewayProcess(folder, address)
        await process.start()
        try:
            yield Edge(process.url, process.port, signer, auth, process.log)
        finally:
            process.stop()
            await server.stop()


@pytest.fixture(scope="session")
async def client(edge: Edge) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(base_url=edge.url, timeout=60) as client:
        yield client


@pytest.fixture
def bearer(edge: Edge) -> Callable[..., dict[str, str]]:
    """Makes the headers of a caller with a role."""
    return lambda role="admin", **claims: {"authorization": f"Bearer {edge.signer.token(role, **claims)}"}
