"""Tokens for services: only for who proves to be one, once for each proof."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import jwt
import pytest
from auth_service.service_keys import read_service_keys
from auth_service.tokens import KeyFileError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from service_runtime.errors import Unauthenticated
from support.auth_programs import Programs, claims, publish, service_key
from support.auth_running import StartAuth
from support.running import refusal


@pytest.fixture
def keys_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "service-keys"
    publish(folder, "ingest")
    publish(folder, "ml", "ml-new", "ml-old")
    return folder


@pytest.fixture
async def programs(start_auth: StartAuth, keys_folder: Path) -> AsyncIterator[Programs]:
    async with start_auth(service_public_keys_folder=str(keys_folder)) as auth:
        yield Programs(auth)


async def test_a_service_gets_a_token_for_one_service_and_tenant(programs: Programs) -> None:
    tenant_id = str(uuid4())
    reply = await programs.service_token(programs.assertion("ingest"), tenant_id, "ml")
    read = claims(reply.access_token)
    assert (read["sub"], read["tenant_id"], read["target"]) == ("service:ingest", tenant_id, "ml")
    assert (read["token_use"], read["exp"] - read["iat"], reply.expires_in) == ("service", 300, 300)
    assert "role" not in read


async def test_old_and_new_key_of_a_service_are_both_good_while_it_changes_them(programs: Programs) -> None:
    for name in ("ml-new", "ml-old"):
        assertion = programs.assertion("ml", signed_with=name)
        assert (await programs.service_token(assertion, str(uuid4()))).access_token


async def test_an_assertion_is_good_once_also_of_twenty_at_once(programs: Programs) -> None:
    assertion, tenant_id = programs.assertion("ingest"), str(uuid4())
    answers = await asyncio.gather(
        *(programs.service_token(assertion, tenant_id) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(answer, grpc.aio.AioRpcError) for answer in answers) == 19
    assert (await refusal(programs.service_token(assertion, tenant_id))).reason == "BAD_ASSERTION"
    # Another service may happen on the same id.
    jti = claims(assertion)["jti"]
    assert await programs.service_token(programs.assertion("ml", signed_with="ml-new", jti=jti), tenant_id)


@pytest.mark.parametrize(
    "change",
    [
        {"signed_with": "ml-new"},
        {"iss": "ml"},
        {"sub": "ml"},
        {"iss": "nobody", "sub": "nobody"},
        {"iss": "../ingest", "sub": "../ingest"},
        {"iss": None},
        {"sub": None},
        {"aud": "atalaya"},
        {"aud": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "a\0b"},
        {"jti": "x" * 129},
        {"exp": None},
        {"exp": True},
        {"exp": "soon"},
    ],
    ids=str,
)
async def test_every_flaw_gets_the_same_answer(programs: Programs, change: dict[str, Any]) -> None:
    assertion = programs.assertion("ingest", **change)
    await assert_refused(programs, assertion)


@pytest.mark.parametrize(
    ("seconds", "good"), [(0, False), (-1, False), (1, True), (59, True), (62, False), (10**12, False)]
)
async def test_an_assertion_expires_within_a_minute(programs: Programs, seconds: int, good: bool) -> None:
    expires = int(programs.auth.clock.now.timestamp()) + seconds
    assertion = programs.assertion("ingest", exp=expires)
    if good:
        assert (await programs.service_token(assertion, str(uuid4()))).access_token
    else:
        await assert_refused(programs, assertion)


@pytest.mark.parametrize("text", ["nonsense", "a.b.c", "", "W1tbW1tb" * 400, "e30.e30."])
async def test_what_is_no_token_is_refused(programs: Programs, text: str) -> None:
    if text:
        await assert_refused(programs, text)


async def test_only_rs256_counts(programs: Programs) -> None:
    read = claims(programs.assertion("ingest"))
    await assert_refused(programs, jwt.encode(read, "", algorithm="none"))
    await assert_refused(programs, jwt.encode(read, service_key("ingest"), algorithm="RS512"))
    public = service_key("ingest").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = jwt.encode(read, "x" * 32, algorithm="HS256").split(".")
    forged = jwt.api_jws.PyJWS(algorithms=["HS256"])
    # PyJWT itself refuses to sign with a public key; an attacker's tool would not.
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        ".".join(header[:2]).encode(), public
    )
    assert forged is not None
    await assert_refused(programs, ".".join([*header[:2], jwt.utils.base64url_encode(signature).decode()]))
    # The control.
    assert await programs.service_token(jwt.encode(read, service_key("ingest"), algorithm="RS256"), str(uuid4()))


async def test_used_assertions_are_forgotten_when_they_have_expired(programs: Programs) -> None:
    await programs.service_token(programs.assertion("ingest", jti="first"), str(uuid4()))
    await programs.service_token(programs.assertion("ingest", jti="second"), str(uuid4()))
    stored = programs.auth.query("SELECT jti FROM service_assertions WHERE jti IN ('first', 'second')")
    assert len(stored) == 2
    programs.auth.clock.advance(minutes=2)
    await programs.service_token(programs.assertion("ingest"), str(uuid4()))
    assert programs.auth.query("SELECT jti FROM service_assertions WHERE jti IN ('first', 'second')") == []


async def test_without_keys_nobody_is_a_service(start_auth: StartAuth) -> None:
    async with start_auth() as auth:
        await assert_refused(Programs(auth), Programs(auth).assertion("ingest"))


def test_keys_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505
    bad = {
        "ingest": b"nothing in here",
        "ml": b"-----BEGIN PUBLIC KEY-----\nbm90aGluZw==\n-----END PUBLIC KEY-----\n",
        "auth": weak.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }
    for service, content in bad.items():
        folder = tmp_path / service
        folder.mkdir()
        (folder / f"{service}.pem").write_bytes(content)
        with pytest.raises(KeyFileError, match=f"SERVICE_PUBLIC_KEYS_FOLDER.*{service}.pem"):
            read_service_keys(str(folder))
    publish(tmp_path / "good", "ml", "ml-new", "ml-old")
    assert len(read_service_keys(str(tmp_path / "good"))["ml"]) == 2


async def assert_refused(programs: Programs, assertion: str) -> None:
    error = await refusal(programs.service_token(assertion, str(uuid4())))
    assert (type(error), error.reason) == (Unauthenticated, "BAD_ASSERTION")
    assert error.message == "The assertion proves nothing."
