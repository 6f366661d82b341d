"""Another service meets people, programs and services as auth makes them: by the calls that every service makes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from atalaya.auth_calls import key_exchange, service_token_issue, signing_keys
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from local_suite.redis import EmbeddedRedis
from service_runtime.client import open_channel
from service_runtime.config import RuntimeSettings
from service_runtime.errors import Unauthenticated
from service_runtime.identity import caller
from service_runtime.service_tokens import ServiceTokens
from service_runtime.token_verifier import TokenVerifier
from support.auth_programs import Programs, publish, service_key
from support.auth_running import StartAuth
from support.revocations import refused_soon
from support.running import refusal, socket_address
from support.sample_rpcs import Request, SamplePolicy, SampleServers, SampleStub
from support.tokens import TestIssuer, bearer

REQUEST = Request(job_id="x")
USER = SamplePolicy("user")
FOR_SERVICES = SamplePolicy(service_only=True)


async def who(_word: str) -> str:
    identity = caller()
    return f"{identity.kind} {identity.role} {identity.tenant_id}"


@dataclass(frozen=True)
class Suite:
    """A running auth, the channel that other services have to it, and what they share."""

    programs: Programs
    channel: grpc.aio.Channel
    redis_url: str

    @asynccontextmanager
    async def ml(self, policy: SamplePolicy) -> AsyncIterator[SampleStub]:
        """Starts a service called ml, as every service is built."""
        verifier = TokenVerifier(signing_keys(self.channel), "atalaya", "atalaya")
        servers, exchange = SampleServers(TestIssuer()), key_exchange(self.channel)
        async with servers.serving(
            who, policy, verifier=verifier, exchange_key=exchange, name="ml", redis_url=self.redis_url
        ) as stub:
            yield stub


@pytest.fixture
async def suite(start_auth: StartAuth, redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[Suite]:
    publish(tmp_path / "services", "ingest")
    async with (
        socket_address() as address,
        start_auth(
            listen_address=address, redis_url=redis.url, service_public_keys_folder=str(tmp_path / "services")
        ) as auth,
    ):
        channel = open_channel(address, RuntimeSettings())
        yield Suite(Programs(auth), channel, redis.url)
        await channel.close(None)


async def test_api_key_works_there_until_it_is_revoked(suite: Suite) -> None:
    person = await suite.programs.auth.register()
    made = await suite.programs.create_key(person.reply.access_token, role="user")
    async with suite.ml(USER) as ml:
        for metadata in ((("x-api-key", made.key),), bearer(made.key)):
            reply = await ml.one(REQUEST, metadata=metadata)
            assert reply.job_id == f"program user {person.user.tenant_id}"
        await suite.programs.revoke(person.reply.access_token, made.id)
        error = await refused_soon(partial(ml.one, REQUEST, metadata=(("x-api-key", made.key),)))
        assert error.reason == "BAD_API_KEY"
        # The person is still welcome.
        await ml.one(REQUEST, metadata=bearer(person.reply.access_token))


async def test_api_key_works_at_auth_itself(suite: Suite) -> None:
    person = await suite.programs.auth.register()
    made = await suite.programs.create_key(person.reply.access_token, role="admin")
    (listed,) = (await suite.programs.list_keys(made.key)).api_keys
    assert listed.id == made.id
    assert (await refusal(suite.programs.list_keys(made.key[:-1] + "x"))).reason == "BAD_API_KEY"


async def test_service_proves_itself_and_opens_what_is_for_services(suite: Suite, tmp_path: Path) -> None:
    tokens = service_tokens(suite, tmp_path, "ingest")
    tenant_id = uuid4()
    async with suite.ml(FOR_SERVICES) as ml, suite.ml(USER) as open_to_people:
        metadata = await tokens.metadata(tenant_id, "ml")
        assert (await ml.one(REQUEST, metadata=metadata)).job_id == f"service viewer {tenant_id}"
        assert (await refusal(open_to_people.one(REQUEST, metadata=metadata))).reason == "NOT_FOR_SERVICES"
        elsewhere = await tokens.metadata(tenant_id, "analytics")
        assert (await refusal(ml.one(REQUEST, metadata=elsewhere))).reason == "TOKEN_INVALID"


async def test_service_without_a_published_key_gets_no_token(suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await service_tokens(suite, tmp_path, "insights").token(uuid4(), "ml")
    assert caught.value.reason == "BAD_ASSERTION"


async def test_keys_cannot_be_checked_while_auth_is_away_and_people_can(suite: Suite) -> None:
    person = await suite.programs.auth.register()
    async with socket_address() as nowhere:
        away = open_channel(nowhere, RuntimeSettings())
        verifier = TokenVerifier(signing_keys(suite.channel), "atalaya", "atalaya")
        async with SampleServers(TestIssuer()).serving(
            who, USER, verifier=verifier, exchange_key=key_exchange(away), name="ml"
        ) as ml:
            error = await refusal(ml.one(REQUEST, metadata=bearer("atl_anything")))
            assert (error.reason, error.http_status) == ("API_KEYS_UNAVAILABLE", 503)
            assert (await ml.one(REQUEST, metadata=bearer(person.reply.access_token))).job_id
        await away.close(None)


def service_tokens(suite: Suite, folder: Path, service: str) -> ServiceTokens:
    """Gives a service the key of that name, whose public half auth knows or not."""
    path = folder / f"{service}.pem"
    path.write_bytes(service_key(service).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ServiceTokens(service, str(path), service_token_issue(suite.channel))
