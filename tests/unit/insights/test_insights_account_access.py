"""Sentiment keeps to what the real ingest says of who may see an account, within half a minute."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest
from insights_service.__main__ import build_server
from insights_service.config import Settings
from support.ingest_running import Tenant
from support.ingest_serving import serving_ingest
from support.insights_running import KnownAccounts, RunningInsights
from support.postgres import database_for
from support.running import refusal, running, socket_address
from support.tokens import TestIssuer

GOOD, BAD = "Excelente servicio, gracias", "Pésimo servicio, una vergüenza"


@dataclass
class Clock:
    now: float = field(default=1000.0)

    def __call__(self) -> float:
        return self.now


@dataclass
class Joined:
    """Insights and ingest for one company, and the clock of insights."""

    insights: RunningInsights
    tenant: Tenant
    clock: Clock

    def called_by(self, role: str, person: str = "") -> RunningInsights:
        called = replace(self.insights)
        called.caller = self.tenant.bearer(role, person or uuid4())
        return called


@pytest.fixture
async def joined(issuer: TestIssuer, tmp_path: Path) -> AsyncIterator[Joined]:
    """A company with a post for each of two accounts."""
    clock, database = Clock(), database_for("insights")
    async with serving_ingest(issuer, tmp_path) as (ingest, ingest_address), socket_address() as address:
        settings = Settings(
            listen_address=address,
            ingest_address=ingest_address,
            database_url=database.url,
            atalaya_lake=f"file://{tmp_path / 'lake'}",
        )
        server = await build_server(settings, verifier=issuer.verifier(), clock=clock)
        async with running(server) as channel:
            tenant = Tenant(ingest)
            known = KnownAccounts()  # type: ignore[abstract]  # The real ingest is asked in its place.
            insights = RunningInsights(channel, issuer, tmp_path / "lake", known, database, tenant.tenant_id)
            for name in ("banco", "secreta"):
                await tenant.add_account(name)
            insights.write_posts(
                [("banco", "2026-03-01T15:00:00+00:00", GOOD), ("secreta", "2026-03-01T15:00:00+00:00", BAD)]
            )
            yield Joined(insights, tenant, clock)


async def test_posts_of_hidden_accounts_are_refused_by_name_and_left_out_of_sums(joined: Joined) -> None:
    person = str(uuid4())
    await joined.tenant.set_access("secreta", ["admin"], [person])
    viewer = joined.called_by("viewer")
    for account in ("secreta", "Secreta", "nobody"):
        error = await refusal(viewer.sentiment(account=account))
        assert (error.reason, error.http_status) == ("ACCOUNT_FORBIDDEN", 403)
        assert (error.message, error.metadata) == ("Your company has no such account.", {"account": account})
    found = await viewer.sentiment()
    assert (found.total, found.positive) == (1, 1.0)
    for caller in (joined.called_by("admin"), joined.called_by("viewer", person)):
        assert (await caller.sentiment(account="secreta")).negative == 1.0
        assert (await caller.sentiment()).total == 2


async def test_what_ingest_says_anew_counts_within_half_a_minute(joined: Joined) -> None:
    viewer = joined.called_by("viewer", str(uuid4()))
    assert (await viewer.sentiment(account="secreta")).total == 1
    await joined.tenant.set_access("secreta", ["user"])
    assert await joined.tenant.visible(viewer.caller) == ["banco"]
    joined.clock.now += 29.9
    assert (await viewer.sentiment(account="secreta")).total == 1
    joined.clock.now += 0.2
    assert (await refusal(viewer.sentiment(account="secreta"))).reason == "ACCOUNT_FORBIDDEN"
    assert (await viewer.sentiment()).total == 1


async def test_who_may_see_no_account_has_no_posts(joined: Joined) -> None:
    for name in ("banco", "secreta"):
        await joined.tenant.set_access(name, ["admin"])
    assert (await joined.called_by("user").sentiment()).total == 0
