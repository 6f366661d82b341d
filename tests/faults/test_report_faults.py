"""Reports over an S3 that is slow, silent, busy, refuses, breaks off or lies: the right answer, or why not."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from atalaya.analytics.v1 import system_pb2
from service_runtime.status import from_rpc_error
from support import s3
from support.faulty_link import Behaviour, FaultyLink
from support.reports_over_s3 import (
    CLAIMS,
    DEADLINE_SECONDS,
    EXPECTED,
    NEW_CLAIMS,
    RIGHT,
    SECRETS,
    SLACK_SECONDS,
    Asked,
    Stored,
    serving,
    until_right,
)
from support.s3_faults import FAULTS, NEVER_RIGHT
from support.tokens import TestIssuer

if TYPE_CHECKING:
    from faults.conftest import Report

# Calls that need no lake take some milliseconds; those that waited for one would take as long as the deadline, and not
# one in ten only, as where the machine is busy for a moment.
UNTOUCHED_SECONDS = 2.0
FAULT_SECONDS = 5.0


@pytest.fixture
async def link(seed: int) -> AsyncIterator[FaultyLink]:
    with FaultyLink(s3.endpoint(), seed) as link:
        yield link


@pytest.fixture
async def stored(tmp_path: Path, issuer: TestIssuer, link: FaultyLink) -> AsyncIterator[Stored]:
    async with serving(issuer, tmp_path, link.url, s3.endpoint(), s3.new_bucket()) as stored:
        yield stored


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
