"""A worker that says nothing for longer than its lease and then goes on finds that its job is another's, and its
writes are refused."""

import hashlib
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
from service_runtime.jobs.stalled import STALLED_SECONDS
from support.ingest_load import posts_file, settle
from support.ledger import Ledger
from support.running_suite import RunningSuite, wait_until
from support.suite_faults import BACK_SECONDS, second_worker
from support.suite_findings import Findings, broken

if TYPE_CHECKING:
    from faults.conftest import Report

ROWS = 40_000
WORKERS = "SELECT id FROM procrastinate_workers"
# Ten are promised; machines on which things break are busy.
RETAKEN_SECONDS = STALLED_SECONDS + 60


def test_the_late_writes_of_a_paused_worker_are_refused(
    suite: RunningSuite, report: "Report", tmp_path: Path, seed: int
) -> None:
    (tenant,) = suite.provision([{"name": f"zombie-{seed}"}])["tenants"]
    ledger, chance = Ledger(tmp_path / "ledger"), random.Random(seed)
    rows = [f"z-{number}" for number in range(ROWS)]
    with suite.client(tenant["loader_token"]) as client:
        client.post("/api/v1/social-accounts", json={"platform": "csv", "username": "banco"}).raise_for_status()
        content = posts_file(rows, chance=chance)
        number = ledger.begin("posts", rows, sha256=hashlib.sha256(content).hexdigest())
        parameters = {"kind": "posts", "account": "banco"}
        reply = client.post(
            "/api/v1/data/import", params=parameters, content=content, headers={"content-type": "text/csv"}
        ).raise_for_status()
        ledger.end(number, "accepted", job=reply.json()["job_id"])
        moment = chance.uniform(0.05, 0.9)
        wait_until(lambda: job_of(client, reply)["progress"] >= moment, BACK_SECONDS, "the import does not begin")
        paused = psutil.Process(suite.process("ingest-worker").pid)
        paused.suspend()
        findings = Findings(suite, tenant["id"])
        before = findings.query(WORKERS)
        try:
            with second_worker(suite):
                # How long a process takes to start is no matter here.
                wait_until(lambda: not set(findings.query(WORKERS)) <= set(before), BACK_SECONDS, "no other starts")
                began = time.monotonic()
                wait_until(lambda: job_of(client, reply)["attempt"] == 2, BACK_SECONDS, "no other takes the job")
                report.count("longest time in seconds until a job was retaken", time.monotonic() - began)
                assert time.monotonic() - began < RETAKEN_SECONDS
                wait_until(lambda: job_of(client, reply)["status"] == "SUCCEEDED", 240, "the job does not end")
                report.count("longest time in seconds until the other ended it", time.monotonic() - began)
        finally:
            paused.resume()
        log = suite.home.log("ingest-worker")
        job_id = reply.json()["job_id"]
        wait_until(lambda: given_up(log, job_id), BACK_SECONDS, f"the paused worker has not given up: {log}")
        operations = settle(client, ledger)
    report.fault("a worker is paused past its lease", operations)
    assert broken(findings, operations) == []


def job_of(client: httpx.Client, reply: httpx.Response) -> dict[str, Any]:
    job: dict[str, Any] = client.get(f"/api/v1/jobs/{reply.json()['job_id']}").raise_for_status().json()
    return job


def given_up(log: Path, job_id: str) -> bool:
    """Tells whether the worker says of its attempt that it came too late, or that its transaction was ended for it."""
    lines = [line for line in log.read_text().splitlines() if job_id in line]
    return any('"stale"' in line or '"retried"' in line for line in lines)
