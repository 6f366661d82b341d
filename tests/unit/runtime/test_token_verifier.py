"""Tokens hold when our issuer signed them for us and their time is now, and never otherwise."""

import base64
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from service_runtime.errors import Unauthenticated, Unavailable
from service_runtime.token_verifier import TokenVerifier
from support.tokens import TestIssuer

TENANT = uuid4()


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def own_issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
def verifier(own_issuer: TestIssuer, clock: Clock) -> TokenVerifier:
    return TokenVerifier(own_issuer.fetch_jwks, "atalaya", "atalaya", clock)


async def reason(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await verifier.verify(token)
    return caught.value.reason


async def test_expired_token_is_rejected_after_the_leeway(
    verifier: TokenVerifier, own_issuer: TestIssuer, clock: Clock
) -> None:
    token = own_issuer.token(TENANT)
    clock.now += 3600 + 29
    await verifier.verify(token)
    clock.now += 2
    assert await reason(verifier, token) == "TOKEN_EXPIRED"
    assert await reason(verifier, own_issuer.token(TENANT)[:-4] + token[-4:]) == "TOKEN_INVALID"


async def test_expired_token_is_rejected_at_first_sight(
    verifier: TokenVerifier, own_issuer: TestIssuer, clock: Clock
) -> None:
    assert await reason(verifier, own_issuer.token(TENANT, exp=int(clock.now) - 31)) == "TOKEN_EXPIRED"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "other"},
        {"aud": "other"},
        {"aud": None},
        {"token_use": "refresh"},
        {"token_use": None},
        {"role": "root"},
        {"role": ["admin"]},
        {"tenant_id": "not-a-uuid"},
        {"tenant_id": 5},
        {"sid": None},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 99999999999},
        {"nbf": 99999999999},
    ],
)
async def test_a_wrong_claim_is_rejected(
    verifier: TokenVerifier, own_issuer: TestIssuer, claims: dict[str, Any]
) -> None:
    assert await reason(verifier, own_issuer.token(str(TENANT), **claims)) == "TOKEN_INVALID"


async def test_another_key_under_our_key_id_is_rejected(verifier: TokenVerifier) -> None:
    stranger = TestIssuer("stranger")
    stranger.key_id = "test-key"
    assert await reason(verifier, stranger.token(TENANT)) == "TOKEN_INVALID"


async def test_a_token_that_chooses_its_algorithm_is_rejected(verifier: TokenVerifier, own_issuer: TestIssuer) -> None:
    claims = jwt.decode(own_issuer.token(TENANT), options={"verify_signature": False})
    signed_with_public_key = jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": "test-key"})
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "test-key"}).encode()).decode().rstrip("=")
    unsigned = f"{header}.{own_issuer.token(TENANT).split('.')[1]}."
    assert await reason(verifier, signed_with_public_key) == "TOKEN_INVALID"
    assert await reason(verifier, unsigned) == "TOKEN_INVALID"


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "é.é.é", "." * 5000])
async def test_what_is_no_token_is_rejected(verifier: TokenVerifier, token: str) -> None:
    assert await reason(verifier, token) == "TOKEN_INVALID"


async def test_keys_are_fetched_once(verifier: TokenVerifier, own_issuer: TestIssuer) -> None:
    for _ in range(3):
        await verifier.verify(own_issuer.token(TENANT))
    assert own_issuer.fetches == 1


async def test_a_new_key_is_found_and_unknown_ids_do_not_flood_the_issuer(
    verifier: TokenVerifier, own_issuer: TestIssuer, clock: Clock
) -> None:
    await verifier.verify(own_issuer.token(TENANT))
    successor = TestIssuer("next-key")
    own_issuer.jwks = successor.jwks
    clock.now += 6
    await verifier.verify(successor.token(TENANT))
    for _ in range(20):
        assert await reason(verifier, TestIssuer("made-up").token(TENANT)) == "TOKEN_INVALID"
    assert own_issuer.fetches == 2


async def test_a_withdrawn_key_is_forgotten(verifier: TokenVerifier, own_issuer: TestIssuer, clock: Clock) -> None:
    await verifier.verify(own_issuer.token(TENANT))
    own_issuer.jwks = TestIssuer("next-key").jwks
    clock.now += 601
    assert await reason(verifier, own_issuer.token(TENANT)) == "TOKEN_INVALID"


async def test_without_keys_the_answer_is_unavailable_and_known_keys_outlive_the_issuer(
    own_issuer: TestIssuer, clock: Clock
) -> None:
    issuer_is_there = False

    async def fetch() -> bytes:
        if not issuer_is_there:
            raise Unavailable("UNAVAILABLE", "away")
        return own_issuer.jwks

    verifier = TokenVerifier(fetch, "atalaya", "atalaya", clock)
    with pytest.raises(Unavailable):
        await verifier.verify(own_issuer.token(TENANT))
    issuer_is_there = True
    clock.now += 2
    await verifier.verify(own_issuer.token(TENANT))
    issuer_is_there = False
    clock.now += 700
    await verifier.verify(own_issuer.token(TENANT))


async def test_remembered_tokens_are_bounded(
    verifier: TokenVerifier, own_issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service_runtime.token_verifier.MOST_REMEMBERED", 2)
    for _ in range(4):
        await verifier.verify(own_issuer.token(TENANT))
    assert len(verifier._remembered) == 2
