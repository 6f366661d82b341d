"""Real auth, real ingest and its worker: what was done in ingest stands in the trail with who did it and from where."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import auth_service.server as auth_main
import grpc
import pytest
from atalaya.auth.v1 import audit_pb2
from atalaya.ingest.v1 import accounts_pb2, accounts_pb2_grpc, data_pb2, data_pb2_grpc
from auth_service.config import Settings as AuthSettings
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ingest_service.config import Settings
from ingest_service.server import build_server
from service_runtime.errors import Unauthenticated
from support.auth_programs import Programs, publish, service_key
from support.auth_running import Clock, RunningAuth
from support.ingest_running import messages
from support.postgres import database_for
from support.running import refusal, running, socket_address
from support.sources_running import working
from support.tokens import bearer

Metadata = tuple[tuple[str, str], ...]
FILE = b"fecha,texto,likes\n2026-01-01,Hola,3\n"
CAME_FROM = (("x-forwarded-for", "10.1.1.1, 203.0.113.40"), ("x-forwarded-user-agent", "Mozilla/5.0"))


@dataclass
class Suite:
    """Both services, and ingest's settings for a worker."""

    auth: RunningAuth
    ingest: grpc.aio.Channel
    settings: Settings

    async def import_file(self, metadata: Metadata) -> str:
        parameters = {"kind": "posts", "account": "banco"}
        stub = data_pb2_grpc.DataServiceStub(self.ingest)
        return str((await stub.ImportData(messages(FILE, "text/csv", parameters), metadata=metadata)).job_id)


@pytest.fixture
async def suite(tmp_path: Path) -> AsyncIterator[Suite]:
    (tmp_path / "jwt.pem").write_bytes(pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    (tmp_path / "ingest.pem").write_bytes(pem(service_key("ingest")))
    publish(tmp_path / "services", "ingest")
    async with AsyncExitStack() as stack:
        auth_address, ingest_address = [await stack.enter_async_context(socket_address()) for _ in range(2)]
        auth_database = database_for("auth")
        auth_server = await auth_main.build_server(
            AuthSettings(
                database_url=auth_database.url,
                listen_address=auth_address,
                jwt_private_keys_file=str(tmp_path / "jwt.pem"),
                service_public_keys_folder=str(tmp_path / "services"),
                drain_seconds=0,
            )
        )
        settings = Settings(
            database_url=database_for("ingest").url,
            listen_address=ingest_address,
            auth_address=auth_address,
            atalaya_lake=f"file://{tmp_path / 'lake'}",
            ingest_spool_folder=tmp_path / "spool",
            service_private_key_file=str(tmp_path / "ingest.pem"),
            drain_seconds=0,
        )
        auth_channel = await stack.enter_async_context(running(auth_server))
        ingest_channel = await stack.enter_async_context(running(await build_server(settings)))
        yield Suite(RunningAuth(auth_channel, auth_database, Clock()), ingest_channel, settings)


async def test_what_is_done_in_ingest_is_told_with_actor_and_origin(suite: Suite) -> None:
    person, programs = await suite.auth.register(), Programs(suite.auth)
    own = (*bearer(person.reply.access_token), *CAME_FROM)
    key = await programs.create_key(person.reply.access_token, role="user")
    accounts = accounts_pb2_grpc.SocialAccountsServiceStub(suite.ingest)
    account = await accounts.CreateSocialAccount(
        accounts_pb2.CreateSocialAccountRequest(platform="csv", username="banco"), metadata=own
    )
    cancelled = await suite.import_file(own)
    await data_pb2_grpc.JobsServiceStub(suite.ingest).CancelJob(
        data_pb2.CancelJobRequest(job_id=cancelled), metadata=own
    )
    by_key = await suite.import_file((("x-api-key", key.key), *CAME_FROM))
    async with working(suite.settings):
        events = await until(programs, person.reply.access_token, 4)
    assert [(event.action, event.actor, event.resource) for event in events] == [
        ("ingest.import", f"api-key:{key.id}", f"jobs/{by_key}"),
        ("ingest.cancel_job", person.user.id, f"jobs/{cancelled}"),
        ("ingest.import", person.user.id, f"jobs/{cancelled}"),
        ("ingest.create_account", person.user.id, f"social-accounts/{account.id}"),
    ]
    assert {(event.outcome, event.ip, event.user_agent) for event in events} == {("OK", "203.0.113.40", "Mozilla/5.0")}
    assert dict(events[3].details) == {"username": "banco", "platform": "csv"}
    everything = await programs.events(person.reply.access_token)
    assert key.key[13:] not in str(everything)


async def test_a_bad_key_counts_against_who_sent_it_not_against_ingest(suite: Suite) -> None:
    metadata = (("x-api-key", "atl_made_up"), ("x-forwarded-for", "198.51.100.77"))
    assert isinstance(await refusal(suite.import_file(metadata)), Unauthenticated)
    counted = suite.auth.query("SELECT failures FROM login_attempts WHERE kind = 'api_key'")
    told = suite.auth.query("SELECT source FROM audit_events WHERE action = 'api_key.use'")
    assert (counted, told) == ([{"failures": 1}], [{"source": "198.51.100.77"}])


async def until(programs: Programs, token: str, count: int) -> list[audit_pb2.AuditEvent]:
    async with asyncio.timeout(30):
        while True:
            events = list((await programs.events(token, action="ingest.")).events)
            if len(events) >= count:
                return events
            await asyncio.sleep(0.05)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
