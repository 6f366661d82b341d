"""Services have tokens of their own: each opens one service, in one tenant, and only what is for services."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from service_runtime.errors import Unavailable
from service_runtime.identity import caller
from service_runtime.service_tokens import ServiceTokens
from support.running import refusal
from support.sample_rpcs import Request, SamplePolicy, SampleServers
from support.tokens import TestIssuer

REQUEST = Request(job_id="x")
FOR_SERVICES = SamplePolicy(service_only=True)
TENANT = uuid4()


async def who(_word: str) -> str:
    identity = caller()
    return f"{identity.kind} {identity.subject} {identity.tenant_id}"


def service_token(issuer: TestIssuer, tenant_id: UUID, target: str = "sample") -> tuple[tuple[str, str], ...]:
    left_out: dict[str, Any] = {"role": None, "sid": None, "username": None, "tz": None}
    return issuer.bearer(tenant_id, token_use="service", sub="service:ingest", target=target, **left_out)


async def test_service_opens_what_is_for_services(rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID) -> None:
    async with rpcs.serving(who, FOR_SERVICES) as stub:
        reply = await stub.one(REQUEST, metadata=service_token(issuer, tenant_id))
    assert reply.job_id == f"service service:ingest {tenant_id}"


async def test_token_for_another_service_is_refused(rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID) -> None:
    async with rpcs.serving(who, FOR_SERVICES) as stub:
        error = await refusal(stub.one(REQUEST, metadata=service_token(issuer, tenant_id, "ml")))
    assert (error.reason, error.http_status) == ("TOKEN_INVALID", 401)


@pytest.mark.parametrize("kind", ["person", "program"])
async def test_nobody_else_opens_what_is_for_services(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, kind: str
) -> None:
    async with rpcs.serving(who, FOR_SERVICES) as stub:
        error = await refusal(stub.one(REQUEST, metadata=issuer.bearer(tenant_id, "admin", kind=kind)))
    assert (error.reason, error.http_status) == ("SERVICE_ONLY", 403)


@pytest.mark.parametrize("public", [False, True])
async def test_without_token_what_is_for_services_is_closed(rpcs: SampleServers, public: bool) -> None:
    async with rpcs.serving(who, SamplePolicy(public=public, service_only=True)) as stub:
        assert (await refusal(stub.one(REQUEST))).reason == "TOKEN_REQUIRED"


@pytest.mark.parametrize("policy", [SamplePolicy("viewer"), SamplePolicy(public=True)])
async def test_service_opens_nothing_else(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID, policy: SamplePolicy
) -> None:
    async with rpcs.serving(who, policy) as stub:
        error = await refusal(stub.one(REQUEST, metadata=service_token(issuer, tenant_id)))
    assert (error.reason, error.http_status) == ("NOT_FOR_SERVICES", 403)


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class AskedIssuer:
    """Stands where auth does: keeps the proofs, and numbers the tokens."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, UUID, str]] = []

    async def issue(self, assertion: str, tenant_id: UUID, target: str) -> tuple[str, int]:
        self.asked.append((assertion, tenant_id, target))
        return f"token-{len(self.asked)}", 60


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_file(tmp_path: Path, private_key: rsa.RSAPrivateKey) -> Path:
    return written(tmp_path, private_key)


async def test_proof_is_what_private_key_jwt_wants(key_file: Path, private_key: rsa.RSAPrivateKey) -> None:
    issuer, clock = AskedIssuer(), Clock()
    tokens = ServiceTokens("ingest", str(key_file), issuer.issue, clock)
    assert await tokens.metadata(TENANT, "ml") == (("authorization", "Bearer token-1"),)
    clock.now += 60
    await tokens.token(TENANT, "ml")
    (first, tenant_id, target), (second, _, _) = issuer.asked
    assert (tenant_id, target) == (TENANT, "ml")
    claims, others = (
        jwt.decode(proof, private_key.public_key(), ["RS256"], audience="atalaya-auth", options={"verify_exp": False})
        for proof in (first, second)
    )
    assert claims["iss"] == claims["sub"] == "ingest"
    assert 0 < claims["exp"] - claims["iat"] <= 60
    assert claims["jti"] != others["jti"]


async def test_token_is_kept_until_shortly_before_it_expires(key_file: Path) -> None:
    issuer, clock = AskedIssuer(), Clock()
    tokens = ServiceTokens("ingest", str(key_file), issuer.issue, clock)
    assert [await tokens.token(TENANT, "ml") for _ in range(3)] == ["token-1"] * 3
    clock.now += 49
    assert await tokens.token(TENANT, "ml") == "token-1"
    clock.now += 2
    assert await tokens.token(TENANT, "ml") == "token-2"


async def test_each_tenant_and_each_service_has_a_token_of_its_own(key_file: Path) -> None:
    issuer = AskedIssuer()
    tokens = ServiceTokens("ingest", str(key_file), issuer.issue, Clock())
    places = [(TENANT, "ml"), (TENANT, "auth"), (uuid4(), "ml")]
    assert len({await tokens.token(*place) for place in places}) == 3


async def test_service_without_a_key_says_which_setting_is_missing() -> None:
    tokens = ServiceTokens("ingest", "", AskedIssuer().issue)
    with pytest.raises(Unavailable, match="SERVICE_PRIVATE_KEY_FILE"):
        await tokens.token(TENANT, "ml")


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(public_exponent=65537, key_size=1024), ec.generate_private_key(ec.SECP256R1())],  # noqa: S505
)
def test_weak_or_other_key_is_refused(tmp_path: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(ValueError, match="2048 bits"):
        ServiceTokens("ingest", str(written(tmp_path, key)), AskedIssuer().issue)


def written(folder: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Path:
    path = folder / "service.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return path
