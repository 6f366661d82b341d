"""Reports while a store is stopped, silent or full: told in time, and right again by themselves."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from atalaya.analytics.v1 import rfm_pb2
from support import s3
from support.reports_over_s3 import (
    CLAIMS,
    DEADLINE_SECONDS,
    EXPECTED,
    NEW_CLAIMS,
    RIGHT,
    SECRETS,
    SLACK_SECONDS,
    Asked,
    serving,
    until_right,
)
from support.s3_process import S3Process
from support.tokens import TestIssuer

if TYPE_CHECKING:
    from faults.conftest import Report


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
    small_disk: Path, issuer: TestIssuer, report: "Report"
) -> None:
    async with serving(issuer, small_disk, s3.endpoint(), s3.endpoint(), s3.new_bucket()) as crowded:
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
