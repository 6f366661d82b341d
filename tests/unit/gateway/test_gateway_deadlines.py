"""A caller's deadline ends the whole chain: edge, service, the service behind it, and that one's statement (O-02)."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import httpx
import psycopg
import pytest
from atalaya.analytics.v1 import rfm_pb2, rfm_pb2_grpc
from atalaya.policies import rpc_policies
from local_suite.postgres import EmbeddedPostgres
from service_runtime.client import open_channel
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database
from service_runtime.server import Server
from sqlalchemy import text
from support.gateway_process import GatewayProcess
from support.postgres import ServiceDatabase, database_for
from support.sample_rpcs import Request, SampleServers, SampleStub
from support.tokens import TestIssuer

pytestmark = pytest.mark.slow

TENANT = uuid4()
CUSTOMER = rfm_pb2.GetCustomerRequest(id_cuenta="17")
SLOW = text("SELECT pg_sleep(20)")
INSERT = text("INSERT INTO notes (tenant_id, body) VALUES (:tenant_id, 'after the deadline')")


class Asking(rfm_pb2_grpc.RfmServiceServicer):
    """Asks the service behind it."""

    def __init__(self, behind: grpc.aio.Channel) -> None:
        self._behind = SampleStub(behind)
        self.ended: list[str] = []

    async def GetCustomer(self, request: rfm_pb2.GetCustomerRequest, context: Any) -> Any:  # noqa: N802
        try:
            reply = await self._behind.one(Request(job_id=request.id_cuenta))
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        return rfm_pb2.GetCustomerResponse(id_cuenta=reply.job_id)


@dataclass
class Chain:
    """What a test needs of the gateway, the two services and the database behind them."""

    port: int
    database: Database
    watching: psycopg.Connection[Any]
    token: str
    asking: Asking

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def running_statements(self) -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
        row = self.watching.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    async def until_statements(self, number: int) -> None:
        async with asyncio.timeout(60):
            while await asyncio.to_thread(self.running_statements) != number:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def notes(self) -> int:
        async with self.database.tenant_session(TENANT) as session:
            return int((await session.execute(text("SELECT count(*) FROM notes"))).scalar_one())


@pytest.fixture
async def chain(postgres: EmbeddedPostgres, issuer: TestIssuer) -> AsyncIterator[Chain]:
    stands: ServiceDatabase = database_for("sample", package="support.sample_service")
    database = Database(stands.url)

    async def work(word: str) -> str:
        async with database.tenant_session(TENANT) as session:
            await session.execute(SLOW)
            await session.execute(INSERT, {"tenant_id": TENANT})
        return word

    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        folder = Path(name)
        settings = RuntimeSettings(listen_address=f"unix:{folder / 'front.sock'}", drain_seconds=0)
        async with (
            SampleServers(issuer).serving(work, drain_seconds=0) as behind,
            open_channel(behind.server.address, settings) as channel,
        ):
            # The stub wants every rpc; this one is asked only.
            asking = Asking(channel)  # type: ignore[abstract]
            server = Server(settings, policies=rpc_policies(), verifier=issuer.verifier(), name="front")
            server.add(rfm_pb2_grpc.add_RfmServiceServicer_to_server, asking)
            await server.start()
            process = GatewayProcess(folder, str(folder / "front.sock"))
            await process.start()
            # Connected already, so that a deadline is spent on the work.
            await channel.channel_ready()
            await database.ping()
            with postgres.connect() as watching:
                yield Chain(process.port, database, watching, issuer.token(TENANT), asking)
            process.stop()
            await server.stop()
    await database.close()


async def test_a_short_deadline_ends_everything_behind_it(chain: Chain) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{chain.port}") as channel:
        await channel.channel_ready()
        stub = rfm_pb2_grpc.RfmServiceStub(channel)
        began_to_work = False
        # Half a second is enough where little else runs.
        for deadline in (0.5, 0.5, 1, 2, 4, 8):
            began = time.monotonic()
            call = stub.GetCustomer(CUSTOMER, metadata=tuple(chain.bearer.items()), timeout=deadline)
            refused = asyncio.ensure_future(failure(call))
            while not began_to_work and not refused.done():
                began_to_work = await asyncio.to_thread(chain.running_statements) == 1
            error = await refused
            seconds = time.monotonic() - began
            await chain.until_statements(0)
            all_over = time.monotonic() - began
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            # The statement would have run for twenty seconds.
            assert deadline - 0.1 < seconds <= all_over < 15
            if began_to_work:
                break

    assert began_to_work, "the machine is too busy to reach the database in eight seconds"
    assert await chain.notes() == 0


async def failure(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_a_rest_caller_who_hangs_up_ends_everything_behind_it(chain: Chain) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{chain.port}", timeout=60) as client:
        asked = asyncio.create_task(client.get("/api/v1/rfm/cliente/17", headers=chain.bearer, timeout=30))
        await chain.until_statements(1)
        asked.cancel()
        began = time.monotonic()
        await chain.until_statements(0)

    # The statement would have run for twenty seconds.
    assert time.monotonic() - began < 15
    assert chain.asking.ended == ["CancelledError"]
    assert await chain.notes() == 0
