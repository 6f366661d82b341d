"""Reports over an S3 that is slow, silent, busy, refuses, breaks off or lies: the right answer, or why not."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import boto3
import grpc
import pytest
from analytics_service.config import Settings
from analytics_service.server import build_server
from atalaya.analytics.v1 import insurance_pb2, insurance_pb2_grpc, rfm_pb2, rfm_pb2_grpc, system_pb2, system_pb2_grpc
from service_runtime.lake import Lake, tenant_lake
from service_runtime.status import from_rpc_error
from support import s3
from support.analytics_running import NOW
from support.faulty_link import Behaviour, FaultyLink
from support.insurance_data import insurance_files
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer

if TYPE_CHECKING:
    from faults.conftest import Report

DEADLINE_SECONDS = 3.0
# By how much a caller may be told later than that: the machine is shared with the S3 server, the link, the service and
# other tests. A tenth of a second is usual; each run reports its longest.
SLACK_SECONDS = 5.0
# Calls that need no lake take some milliseconds; those that waited for one would take as long as the deadline, and not
# one in ten only, as where the machine is busy for a moment.
UNTOUCHED_SECONDS = 2.0
FAULT_SECONDS = 5.0
# The longest pause of a fuse and the longest silence, and a little more, is twenty; machines on which things break are
# busy.
RECOVERY_SECONDS = 90.0
CLAIMS = "cassandra/reclamos/reclamos.csv"
NEW_CLAIMS = b"estado\naprobado\n" + b"pendiente\n" * 4_000
RIGHT = {"aprobado": 1, "pendiente": 4_000, "rechazado": 0, "en_revision": 0}
EXPECTED = {"OK", "LAKE_UNAVAILABLE", "LAKE_CHANGING", "DEADLINE_EXCEEDED"}
SECRETS = re.compile(r"the-key|the-secret|127\.0\.0\.1|10\.9\.8\.7|localhost|http")


def break_off(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    return head, body[: len(body) // 2]


def other_etag(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    return re.sub(rb'(?i)(etag: *)"[^"]*"', rb'\1"0123456789abcdef0123456789abcdef"', head), body


def shorter(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    kept = body[: len(body) // 2]
    without_sums = re.sub(rb"(?i)\r\nx-amz-checksum[^\r]*", b"", head)
    return re.sub(rb"(?i)(content-length: *)[0-9]+", rb"\g<1>%d" % len(kept), without_sums), kept


def other_bytes(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    return head, body.replace(b"aprobado", b"rechazad")


def cut(_head: bytes, _body: bytes) -> tuple[bytes, bytes]:
    raise ConnectionResetError


FAULTS: dict[str, Callable[[], Behaviour]] = {
    "s3 tells a third to slow down": lambda: Behaviour(slow_down=0.3),
    "s3 tells everybody to slow down": lambda: Behaviour(slow_down=1.0),
    "s3 refuses": lambda: Behaviour(refused=1.0),
    "s3 is slow by 2 s more or less": lambda: Behaviour(latency=2, jitter=1),
    "s3 answers byte by byte": lambda: Behaviour(slice_bytes=1),
    "s3 answers 1 kB a second": lambda: Behaviour(slice_bytes=100, bytes_per_second=1000),
    "s3 is silent": lambda: Behaviour(silent=True),
    "s3 is mute": lambda: Behaviour(mute=True),
    "s3 cuts connections": lambda: Behaviour(change=cut),
    "s3 breaks off in a body": lambda: Behaviour(change=break_off, changed_for=".csv"),
    "s3 gives another etag": lambda: Behaviour(change=other_etag, changed_for=".csv"),
    "s3 gives half and says it is all": lambda: Behaviour(change=shorter, changed_for=".csv"),
    "s3 gives other bytes": lambda: Behaviour(change=other_bytes, changed_for=".csv"),
}
# Under these no answer can be right, so one that is there is wrong.
NEVER_RIGHT = {name for name in FAULTS if not re.search("third|slow by|byte by byte|a second", name)}


class Stored:
    """The service with a lake that it reaches by a link, and that the test reaches past it."""

    def __init__(self, channel: grpc.aio.Channel, issuer: TestIssuer, settings: Settings, endpoint: str) -> None:
        self.insurance = insurance_pb2_grpc.InsuranceServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)
        self.rfm = rfm_pb2_grpc.RfmServiceStub(channel)
        self.issuer = issuer
        self.bucket = settings.atalaya_lake.removeprefix("s3://")
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


@pytest.fixture
async def link(seed: int) -> AsyncIterator[FaultyLink]:
    with FaultyLink(s3.endpoint(), seed) as link:
        yield link


@pytest.fixture
async def stored(tmp_path: Path, issuer: TestIssuer, link: FaultyLink) -> AsyncIterator[Stored]:
    async with serving(issuer, tmp_path, link.url, s3.endpoint(), s3.new_bucket()) as stored:
        yield stored


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


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_report_is_right_or_says_why_while(
    stored: Stored, link: FaultyLink, report: "Report", fault: str, seed: int
) -> None:
    tenant_id = await stored.new_tenant()
    # The control: the same question without the fault.
    assert (await stored.ask(tenant_id, 30))["aprobado"] > 1
    lake = stored.lake(tenant_id)
    await asyncio.to_thread(lake.put_bytes, NEW_CLAIMS, CLAIMS)
    behaviour = link.behaviour = FAULTS[fault]()
    asked, roots, calls = Asked(), Asked(), []
    ends = time.perf_counter() + FAULT_SECONDS
    while time.perf_counter() < ends:
        calls += [asyncio.create_task(asked.ask(stored.ask(tenant_id)))]
        calls += [asyncio.create_task(roots.ask(stored.system.GetRoot(system_pb2.GetRootRequest(), timeout=30)))]
        await asyncio.sleep(0.2)
    await asyncio.gather(*calls)
    link.behaviour = Behaviour()
    recovered = await until_right(stored, tenant_id)
    report.fault(fault)
    for end, number in asked.ends.items():
        report.count(f"reports under {fault}: {end}", number)
    report.count("longest recovery in ms", recovered * 1000)
    report.count("longest call in ms over its deadline", (asked.longest - DEADLINE_SECONDS) * 1000)
    assert behaviour.faults or behaviour.latency
    assert set(asked.ends) <= EXPECTED
    assert asked.longest < DEADLINE_SECONDS + SLACK_SECONDS
    assert [text for text in asked.texts if SECRETS.search(text)] == []
    assert [reply for reply in asked.replies if reply != RIGHT] == []
    assert not (fault in NEVER_RIGHT and asked.replies)
    # What needs no lake is not touched by its faults.
    assert set(roots.ends) == {"OK"}
    assert roots.longest_of_nine_in_ten < UNTOUCHED_SECONDS


async def until_right(stored: Stored, tenant_id: UUID) -> float:
    began = time.perf_counter()
    async with asyncio.timeout(RECOVERY_SECONDS):
        while True:
            with suppress(grpc.aio.AioRpcError):
                assert await stored.ask(tenant_id) == RIGHT
                return time.perf_counter() - began
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("share", [0.3, 1.0])
async def test_an_s3_that_asks_for_less_is_asked_for_less(
    stored: Stored, link: FaultyLink, report: "Report", share: float
) -> None:
    """The same callers, as often as they like, without and with the fault: no more than 1.2 times the requests."""
    tenant_id = await stored.new_tenant()
    await stored.ask(tenant_id, 30)

    async def load() -> Behaviour:
        calls, ends = [], time.perf_counter() + FAULT_SECONDS
        while time.perf_counter() < ends:
            calls.append(asyncio.create_task(Asked().ask(stored.ask(tenant_id))))
            await asyncio.sleep(0.05)
        await asyncio.gather(*calls)
        return link.behaviour

    link.behaviour = Behaviour()
    usual = len((await load()).requests)
    link.behaviour = Behaviour(slow_down=share)
    under_fault = await load()
    report.fault(f"s3 tells {share:.0%} to slow down")
    report.count("requests without the fault", usual)
    report.count("requests under the fault", len(under_fault.requests))
    assert under_fault.faults
    assert len(under_fault.requests) <= 1.2 * usual


async def test_one_request_is_made_five_times_at_most(stored: Stored, link: FaultyLink) -> None:
    tenant_id = await stored.new_tenant()
    link.behaviour = behaviour = Behaviour(slow_down=1.0)
    with pytest.raises(grpc.aio.AioRpcError) as told:
        await stored.ask(tenant_id, 60)
    assert from_rpc_error(told.value).reason == "LAKE_UNAVAILABLE"
    # One listing, and one look of the health check at most.
    assert 1 < len([line for line in behaviour.requests if "health" not in line]) <= 5


async def test_health_tells_in_time_that_the_lake_is_silent(stored: Stored, link: FaultyLink) -> None:
    tenant_id = await stored.new_tenant()
    metadata = stored.issuer.bearer(tenant_id, "viewer")
    health = await stored.system.GetHealth(system_pb2.GetHealthRequest(), metadata=metadata, timeout=30)
    assert health.HasField("data_availability")
    link.behaviour = Behaviour(silent=True)
    # For as long as it takes to use up threads, if each question held one.
    for _ in range(12):
        began = time.perf_counter()
        health = await stored.system.GetHealth(system_pb2.GetHealthRequest(), metadata=metadata, timeout=30)
        assert (health.lake, health.status) == ("down", "DEGRADED")
        assert not health.HasField("data_availability")
        assert time.perf_counter() - began < 2 + 1.5 + SLACK_SECONDS


async def test_callers_of_a_stopped_s3_fail_at_their_deadline_and_are_served_when_it_goes_on(
    issuer: TestIssuer, tmp_path: Path, report: "Report"
) -> None:
    with S3Process() as process:
        bucket = process.new_bucket()
        async with serving(issuer, tmp_path, process.url, process.url, bucket) as stored:
            tenant_id = await stored.new_tenant()
            await stored.ask(tenant_id, 30)
            lake = stored.lake(tenant_id)
            await asyncio.to_thread(lake.put_bytes, NEW_CLAIMS, CLAIMS)
            asked, calls = Asked(), []
            process.stop()
            try:
                for _ in range(30):
                    calls.append(asyncio.create_task(asked.ask(stored.ask(tenant_id))))
                    await asyncio.sleep(0.2)
                await asyncio.gather(*calls)
            finally:
                process.go_on()
            recovered = await until_right(stored, tenant_id)
    report.fault("s3 is stopped")
    report.count("longest recovery in ms", recovered * 1000)
    report.count("longest call in ms over its deadline", (asked.longest - DEADLINE_SECONDS) * 1000)
    assert set(asked.ends) <= EXPECTED - {"OK"}
    assert asked.longest < DEADLINE_SECONDS + SLACK_SECONDS


@pytest.mark.parametrize(
    ("which", "url"),
    [
        ("database_url", "postgresql://analytics_app:the-secret@127.0.0.1:{port}/analytics"),
        ("redis_url", "redis://127.0.0.1:{port}/0"),
    ],
)
async def test_reports_are_answered_while_another_store_is_silent(
    issuer: TestIssuer, tmp_path: Path, report: "Report", which: str, url: str
) -> None:
    """It takes connections, as a stopped process does, and says nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        store = {which: url.format(port=silent.getsockname()[1])}
        bucket = s3.new_bucket()
        async with serving(issuer, tmp_path, s3.endpoint(), s3.endpoint(), bucket, **store) as stored:
            tenant_id = await stored.new_tenant()
            # Time to learn that nobody answers, and not to ask each time.
            await Asked().ask(stored.ask(tenant_id, 30))
            asked, rfm = Asked(), Asked()
            for _ in range(10):
                await asked.ask(stored.ask(tenant_id))
            request = rfm_pb2.GetCustomerRequest(id_cuenta="1")
            metadata = issuer.bearer(tenant_id, "viewer")
            await rfm.ask(stored.rfm.GetCustomer(request, metadata=metadata, timeout=DEADLINE_SECONDS))
    report.fault(f"{which} is silent")
    assert set(asked.ends) == {"OK"}
    assert rfm.longest < DEADLINE_SECONDS + SLACK_SECONDS
    assert [text for text in rfm.texts if SECRETS.search(text)] == []


async def test_a_full_cache_disk_is_said_and_it_goes_on_by_itself_when_there_is_room(
    stored: Stored, small_disk: Path, issuer: TestIssuer, report: "Report"
) -> None:
    bucket = stored.bucket
    async with serving(issuer, small_disk, s3.endpoint(), s3.endpoint(), bucket) as crowded:
        tenant_id = await crowded.new_tenant()
        assert await crowded.ask(tenant_id, 30)
        ballast = small_disk / "ballast"
        with suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(bytes(1 << 16))
        await asyncio.to_thread(crowded.lake(tenant_id).put_bytes, NEW_CLAIMS, CLAIMS)
        asked = Asked()
        for _ in range(5):
            await asked.ask(crowded.ask(tenant_id, 30))
        assert set(asked.ends) <= {"CACHE_UNAVAILABLE", "QUERY_STORAGE_FULL"}
        ballast.unlink()
        assert await crowded.ask(tenant_id, 30) == RIGHT
    report.fault("the cache's disk is full")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 80 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=80m,mode=755", "tmpfs", str(folder)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


class S3Process:
    """An S3 server in a process of its own, which can be stopped."""

    def __enter__(self) -> "S3Process":
        program = (
            "import sys, time; from moto.server import ThreadedMotoServer;"
            "s = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False); s.start();"
            "print(s.get_host_and_port()[1], flush=True); time.sleep(3600)"
        )
        self._process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def new_bucket(self) -> str:
        client = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
        )
        client.create_bucket(Bucket="reports")
        client.close()
        return "reports"

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)
