"""Forecasts and clusters keep to what the real ingest says of who may see an account, within half a minute."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from atalaya.ml.v1 import clustering_pb2, regression_pb2
from ml_service.__main__ import build_server
from ml_service.config import Settings
from support.followers import days_from, growing
from support.ingest_running import Tenant
from support.ingest_serving import serving_ingest
from support.ml_suite import Company, Suite
from support.running import refusal, running, socket_address
from support.tokens import TestIssuer

Caller = tuple[tuple[str, str], ...]
OF_THE_MODEL = "MODEL_NOT_TRAINED"


@dataclass
class Joined:
    """Ml and ingest for one company, and ml's clock."""

    suite: Suite
    tenant: Tenant
    company: Company
    now: float = 1000.0

    def calls(self, caller: Caller, account: str) -> list[Awaitable[Any]]:
        """All rpcs of ml that name an account."""
        regression, clustering = self.suite.regression, self.suite.clustering
        return [
            regression.PredictFollowers(regression_pb2.PredictFollowersRequest(username=account), metadata=caller),
            regression.GetForecastMetrics(regression_pb2.GetForecastMetricsRequest(username=account), metadata=caller),
            clustering.ListClusters(clustering_pb2.ListClustersRequest(username=account), metadata=caller),
            clustering.PredictCluster(clustering_pb2.PredictClusterRequest(username=account, likes=1), metadata=caller),
            regression.TrainForecast(regression_pb2.TrainForecastRequest(username=account), metadata=caller),
            clustering.TrainClusters(clustering_pb2.TrainClustersRequest(username=account), metadata=caller),
        ]

    async def predict(self, caller: Caller, account: str = "banco") -> int:
        request = regression_pb2.PredictFollowersRequest(username=account)
        return len((await self.suite.regression.PredictFollowers(request, metadata=caller)).series)


@pytest.fixture
async def joined(
    suite: Suite, ml_settings: Settings, company: Company, issuer: TestIssuer, tmp_path: Path
) -> AsyncIterator[Joined]:
    """Ml asks the real ingest; the worker of the other suite trains."""
    async with serving_ingest(issuer, tmp_path) as (ingest, ingest_address), socket_address() as address:
        settings = ml_settings.model_copy(update={"listen_address": address, "ingest_address": ingest_address})
        joined = Joined(suite, Tenant(ingest, tenant_id=company.tenant_id), company)
        async with running(await build_server(settings, clock=lambda: joined.now)) as channel:
            joined.suite = Suite(channel, settings, suite.others)
            await joined.tenant.add_account("banco")
            yield joined


async def test_only_who_may_see_an_account_may_ask_for_its_models(joined: Joined) -> None:
    person = str(uuid4())
    await joined.tenant.set_access("banco", ["admin"], [person])
    for account in ("banco", "BANCO", "nobody"):
        for call in joined.calls(joined.company.caller("user"), account):
            error = await refusal(call)
            assert (error.reason, error.http_status) == ("ACCOUNT_FORBIDDEN", 403)
            assert (error.message, error.metadata) == ("Your company has no such account.", {"account": account})
    # The control: these get as far as the model, which nobody has trained.
    for caller in (joined.company.caller("admin"), joined.company.caller("user", person)):
        for call in joined.calls(caller, "banco")[:4]:
            assert (await refusal(call)).reason == OF_THE_MODEL


async def test_a_model_in_memory_is_for_those_who_may_see_its_account(joined: Joined) -> None:
    joined.company.write_followers("banco", days_from(date(2024, 3, 1), 40), growing(40))
    viewer, person = joined.company.caller("viewer", str(uuid4())), str(uuid4())
    request = regression_pb2.TrainForecastRequest(username="banco")
    await joined.suite.regression.TrainForecast(request, metadata=joined.company.caller())
    assert await joined.predict(viewer) > 0

    await joined.tenant.set_access("banco", ["user"], [person])
    assert await joined.tenant.visible(viewer) == []
    joined.now += 29.9
    assert await joined.predict(viewer) > 0
    joined.now += 0.2
    assert (await refusal(joined.predict(viewer))).reason == "ACCOUNT_FORBIDDEN"
    for caller in (joined.company.caller("admin"), joined.company.caller("viewer", person)):
        assert await joined.predict(caller) > 0

    await joined.tenant.set_access("banco")
    joined.now += 30
    assert await joined.predict(viewer) > 0


async def test_an_account_that_was_just_made_is_not_refused_for_a_kept_answer(joined: Joined) -> None:
    viewer = joined.company.caller("viewer", str(uuid4()))
    assert (await refusal(joined.predict(viewer))).reason == OF_THE_MODEL

    await joined.tenant.add_account("nuevo")

    assert (await refusal(joined.predict(viewer, "nuevo"))).reason == OF_THE_MODEL


async def test_an_answer_for_one_role_is_not_given_to_the_same_person_in_another(joined: Joined) -> None:
    await joined.tenant.set_access("banco", ["user"])
    person = str(uuid4())
    assert (await refusal(joined.predict(joined.company.caller("user", person)))).reason == OF_THE_MODEL
    assert (await refusal(joined.predict(joined.company.caller("viewer", person)))).reason == "ACCOUNT_FORBIDDEN"
