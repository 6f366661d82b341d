"""Whatever process dies at whatever moment of a load: what was acknowledged is there once, and nothing else is."""

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.ingest_load import IngestLoad, settle
from support.ledger import Ledger
from support.running_suite import RunningSuite, wait_until
from support.suite_faults import BACK_SECONDS, FAULTS
from support.suite_findings import Findings, broken, broken_exports

if TYPE_CHECKING:
    from faults.conftest import Report

LONGEST_WAIT_SECONDS = 3.0


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_doubled_or_made_up_when(
    suite: RunningSuite, report: "Report", tmp_path: Path, fault: str, seed: int
) -> None:
    name = f"{fault.replace(' ', '-')}-{seed}"
    (tenant,) = suite.provision([{"name": name}])["tenants"]
    ledger, chance = Ledger(tmp_path / "ledger"), random.Random(name)
    with IngestLoad(lambda: suite.client(tenant["loader_token"]), ledger, seed, name) as load:
        threading.Event().wait(1 + chance.random() * LONGEST_WAIT_SECONDS)
        began = time.monotonic()
        FAULTS[fault](suite)
        wait_until(lambda: load.acked_at > time.monotonic() - 1 > began, BACK_SECONDS, "nothing is taken any more")
        report.count("longest time in seconds until data was taken again", time.monotonic() - began)
    with suite.client(tenant["loader_token"]) as client:
        operations = settle(client, ledger)
        report.fault(fault, operations)
        assert broken(Findings(suite, tenant["id"]), operations) == []
        assert broken_exports(client, operations) == []
    assert {"acked", "refused"} <= Counter(each.end for each in operations).keys()
