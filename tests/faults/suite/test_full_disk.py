"""A disk that is full refuses what would be written and nothing else, and no one has to help when there is room."""

import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
from local_suite.programs import postgres_server
from support.ingest_load import IngestLoad, settle
from support.ledger import Ledger
from support.running_suite import RunningSuite, wait_until
from support.suite_faults import BACK_SECONDS
from support.suite_findings import Findings, broken, broken_exports

if TYPE_CHECKING:
    from faults.conftest import Report

FULL_SECONDS = 6
# What the runner says of a database that it does not start for lack of room.
WAITS = "and waits: The disk is full"
_PIECE = bytes(1 << 20)
_PIECE_OF_LOG = 1 << 20


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Takes all the room there is, until the end of the block."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for piece in (_PIECE, _PIECE[:4096]):
                try:
                    while file.write(piece):
                        pass
                except OSError:
                    continue
        yield
    finally:
        filler.unlink()


def test_a_full_disk_refuses_writes_lets_reads_go_on_and_heals(
    suite: RunningSuite, small_disk: Path | None, report: "Report", tmp_path: Path, seed: int
) -> None:
    if small_disk is None:
        pytest.skip("no file system of its own can be mounted here, which needs root")
    tenant, other = suite.provision([{"name": f"full-disk-{seed}"}, {"name": f"filling-{seed}"}])["tenants"]
    ledger = Ledger(tmp_path / "ledger")
    with suite.client(tenant["loader_token"]) as client, suite.client(other["loader_token"]) as filling:
        filling.post("/api/v1/social-accounts", json={"platform": "csv", "username": "fuller"}).raise_for_status()
        with IngestLoad(lambda: suite.client(tenant["loader_token"]), ledger, seed, f"full-{seed}") as load:
            wait_until(lambda: load.acked_at > 0, BACK_SECONDS, "nothing is taken")
            with full(small_disk):
                statuses = asked_while_full(filling, report)
            began = time.monotonic()
            wait_until(lambda: load.acked_at > began, BACK_SECONDS, "nothing is taken when there is room again")
            report.count("longest time in seconds until a full disk had healed", time.monotonic() - began)
        operations = settle(client, ledger)
        report.fault("the disk is full", operations)
        assert broken(Findings(suite, tenant["id"]), operations) == []
        assert broken_exports(client, operations) == []
    assert statuses["upload"].keys() <= {503, 507}, statuses
    # Posts find room that the database has kept, until there is none of that either.
    assert statuses["post"].keys() <= {201, 503, 507}, statuses
    assert statuses["post"][503] + statuses["post"][507], statuses
    assert statuses["read"][200], statuses


def test_a_database_that_a_full_disk_has_ended_serves_again_when_there_is_room(
    suite: RunningSuite, small_disk: Path | None, report: "Report", seed: int
) -> None:
    if small_disk is None:
        pytest.skip("no file system of its own can be mounted here, which needs root")
    (tenant,) = suite.provision([{"name": f"no-log-{seed}"}])["tenants"]
    with suite.client(tenant["loader_token"]) as client:
        said_before = suite.output.read_text().count(WAITS)
        with full(small_disk):
            write_until_the_database_ends(suite, small_disk)
            wait_until(lambda: suite.output.read_text().count(WAITS) > said_before, BACK_SECONDS, "nothing is said")
            # Longer than all the waits before a process is given up.
            time.sleep(10)
            assert client.get("/api/v1/social-accounts").status_code == httpx.codes.SERVICE_UNAVAILABLE
        began = time.monotonic()
        wait_until(lambda: client.get("/api/v1/social-accounts").is_success, BACK_SECONDS, "the database is not back")
    report.count("longest time in seconds until a database ended by a full disk was back", time.monotonic() - began)
    report.fault("the disk has no room for the database's log")


def write_until_the_database_ends(suite: RunningSuite, disk: Path) -> None:
    """Fills what is left of the database's log of changes, for which it then finds no room."""
    with (
        pytest.raises(psycopg.OperationalError),
        psycopg.connect(postgres_server(suite.home).dsn(), autocommit=True) as connection,
    ):
        # Room that an older log had is used first, and some of it twice where a checkpoint comes between.
        for _ in range(3 * shutil.disk_usage(disk).total // _PIECE_OF_LOG):
            connection.execute("SELECT pg_logical_emit_message(false, '', repeat(md5(random()::text), 32768))")


def asked_while_full(client: httpx.Client, report: "Report") -> dict[str, Counter[int]]:
    """Reads, and uploads what needs more room than there is; gives the answers' statuses."""
    statuses: dict[str, Counter[int]] = {"upload": Counter(), "post": Counter(), "read": Counter()}
    until = time.monotonic() + FULL_SECONDS
    while time.monotonic() < until:
        upload = client.post(
            "/api/v1/data/import",
            params={"kind": "posts", "account": "fuller"},
            content=b"fecha,texto\n" + b"2024-01-05 10:00:00,nada\n" * 100_000,
            headers={"content-type": "text/csv"},
        )
        statuses["upload"][upload.status_code] += 1
        # What does not get smaller when it is packed.
        post = {"contenido": secrets.token_hex(45_000), "fecha_publicacion": "2024-05-06T07:08:09Z"}
        statuses["post"][client.post("/crud/publicaciones/fuller", json=post).status_code] += 1
        statuses["read"][client.get("/crud/publicaciones/fuller").status_code] += 1
    for asked, answers in statuses.items():
        for status, number in answers.items():
            report.count(f"on a full disk: {asked} answered {status}", number)
    return statuses
