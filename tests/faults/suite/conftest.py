"""A suite of its own for the faults, on a small disk where that can be had."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.running_suite import NO_DELAYS, RunningSuite, running_suite, wait_until
from support.suite_faults import BACK_SECONDS

# PostgreSQL's log may take half of it before a checkpoint lets it write over what is old.
DISK_MEGABYTES = 1000
# Of a person or an API key; the tokens that most tests use have none. Of an hour, so that no test lasts longer.
CALLS_AN_HOUR = 2


@pytest.fixture(scope="session")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """A file system of its own in memory; None where the machine does not let us have one."""
    folder = tmp_path_factory.mktemp("disk")
    size = f"size={DISK_MEGABYTES}m,mode=755"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@pytest.fixture(scope="session")
def suite(small_disk: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A running suite; a test that ends one of its processes leaves it answering again."""
    folder = small_disk or tmp_path_factory.mktemp("suite")
    settings = {
        **NO_DELAYS,
        "JOBS_PER_TENANT": "0",
        "INGEST_SPOOL_FOLDER": str(folder / "spool"),
        "RATE_LIMIT_PER_HOUR": str(CALLS_AN_HOUR),
    }
    with running_suite(folder / "home", **settings) as suite:
        yield suite


@pytest.fixture(autouse=True)
def well(suite: RunningSuite) -> None:
    """What an earlier test has broken is whole again, in services too that it did not ask."""
    with suite.client() as client:
        wait_until(lambda: says_ok(client), BACK_SECONDS, "the suite is not well after an earlier test")


def says_ok(client: httpx.Client) -> bool:
    try:
        reply = client.get("/health")
    except httpx.TransportError:
        return False
    return reply.is_success and reply.json()["status"] == "OK"
