"""Redis holds only what may be lost: whatever is done to it, nothing that brings data in is refused or waits for it."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.ingest_load import IngestLoad, settle
from support.ledger import Ledger
from support.running_suite import RunningSuite
from support.suite_faults import full_redis, read_only_redis, redis_of
from support.suite_findings import Findings, broken, broken_exports

if TYPE_CHECKING:
    from faults.conftest import Report

SECONDS = 3.0
FAULTS: dict[str, Callable[[RunningSuite], AbstractContextManager[None]]] = {
    "redis is read-only": read_only_redis,
    "redis has no memory": full_redis,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_data_are_taken_while(suite: RunningSuite, report: "Report", tmp_path: Path, fault: str, seed: int) -> None:
    name = f"{fault.replace(' ', '-')}-{seed}"
    (tenant,) = suite.provision([{"name": name}])["tenants"]
    ledger = Ledger(tmp_path / "ledger")
    with IngestLoad(lambda: suite.client(tenant["loader_token"]), ledger, seed, name), FAULTS[fault](suite):
        assert not takes_writes(suite)
        threading.Event().wait(SECONDS)
    assert takes_writes(suite)
    with suite.client(tenant["loader_token"]) as client:
        operations = settle(client, ledger)
        assert broken_exports(client, operations) == []
    report.fault(fault, operations)
    assert broken(Findings(suite, tenant["id"]), operations) == []
    assert [each for each in operations if each.end == "unknown"] == []


def takes_writes(suite: RunningSuite) -> bool:
    with redis_of(suite) as client:
        try:
            return bool(client.set("atalaya:faults", "1", ex=1))
        except Exception:
            return False
