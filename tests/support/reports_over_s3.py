"""Reports over an S3 that the service reaches by a link, and what becomes of those who ask for them under a fault."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
from analytics_service.config import Settings
from analytics_service.server import build_server
from atalaya.analytics.v1 import insurance_pb2, insurance_pb2_grpc, rfm_pb2_grpc, system_pb2_grpc
from service_runtime.lake import Lake, tenant_lake
from service_runtime.status import from_rpc_error

from support.analytics_running import NOW
from support.insurance_data import insurance_files
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer

DEADLINE_SECONDS = 3.0
# By how much a caller may be told later than that: the machine is shared with the S3 server, the link, the service and
# other tests. A tenth of a second is usual; each run reports its longest.
SLACK_SECONDS = 5.0
# The longest pause of a fuse and the longest silence, and a little more, is twenty; machines on which things break are
# busy.
RECOVERY_SECONDS = 90.0
CLAIMS = "cassandra/reclamos/reclamos.csv"
NEW_CLAIMS = b"estado\naprobado\n" + b"pendiente\n" * 4_000
RIGHT = {"aprobado": 1, "pendiente": 4_000, "rechazado": 0, "en_revision": 0}
EXPECTED = {"OK", "LAKE_UNAVAILABLE", "LAKE_CHANGING", "DEADLINE_EXCEEDED"}
SECRETS = re.compile(r"the-key|the-secret|127\.0\.0\.1|10\.9\.8\.7|localhost|http")


class Stored:
    """The service with a lake that it reaches by a link, and that the test reaches past it."""

    def __init__(self, channel: grpc.aio.Channel, issuer: TestIssuer, settings: Settings, endpoint: str) -> None:
        self.insurance = insurance_pb2_grpc.InsuranceServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)
        self.rfm = rfm_pb2_grpc.RfmServiceStub(channel)
        self.issuer = issuer
        self._direct = settings.model_copy(update={"aws_endpoint_url": endpoint})

    def lake(self, tenant_id: UUID) -> Lake:
        return tenant_lake(self._direct, tenant_id)

    async def new_tenant(self) -> UUID:
        tenant_id = uuid4()
        lake = self.lake(tenant_id)
        for path, content in insurance_files(1).items():
            await asyncio.to_thread(lake.put_bytes, content, path)
        return tenant_id

    async def ask(self, tenant_id: UUID, seconds: float = DEADLINE_SECONDS) -> dict[str, int]:
        request = insurance_pb2.GetClaimStatsRequest()
        metadata = self.issuer.bearer(tenant_id, "viewer")
        reply = await self.insurance.GetClaimStats(request, metadata=metadata, timeout=seconds)
        return dict(reply.claims_by_estado)


@asynccontextmanager
async def serving(
    issuer: TestIssuer, folder: Path, link: str, endpoint: str, bucket: str, **others: str
) -> AsyncIterator[Stored]:
    async with socket_address() as address:
        settings = Settings(
            database_url=database_for("analytics").url,
            atalaya_lake=f"s3://{bucket}",
            aws_endpoint_url=link,
            aws_access_key_id="the-key",
            aws_secret_access_key="the-secret",
            lake_silence_seconds=1.5,
            analytics_cache_folder=folder / "cache",
            auth_address=f"unix:{folder}/nobody",
            listen_address=address,
            drain_seconds=0,
        ).model_copy(update=others)
        server = await build_server(settings, lambda: NOW, verifier=issuer.verifier())
        async with running(server) as channel:
            yield Stored(channel, issuer, settings, endpoint)


class Asked:
    """What became of calls that were made under a fault."""

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.texts: list[str] = []
        self.replies: list[Any] = []

    async def ask(self, call: Any) -> None:
        began = time.perf_counter()
        try:
            self.replies.append(await call)
            self.ends["OK"] += 1
        except grpc.aio.AioRpcError as error:
            told = from_rpc_error(error)
            self.ends[told.reason] += 1
            self.texts.append(f"{told} {told.metadata} {error.details()} {error.trailing_metadata()}")
        self.seconds.append(time.perf_counter() - began)

    @property
    def longest(self) -> float:
        return max(self.seconds)

    @property
    def longest_of_nine_in_ten(self) -> float:
        return sorted(self.seconds)[len(self.seconds) * 9 // 10]


async def until_right(stored: Stored, tenant_id: UUID) -> float:
    began = time.perf_counter()
    async with asyncio.timeout(RECOVERY_SECONDS):
        while True:
            with suppress(grpc.aio.AioRpcError):
                assert await stored.ask(tenant_id) == RIGHT
                return time.perf_counter() - began
            await asyncio.sleep(0.1)
