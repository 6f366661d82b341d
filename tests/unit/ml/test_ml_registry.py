"""Versions of models: numbered, hashed, checked before they are loaded, replaced by newer ones, apart by tenant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID

import psycopg
import pytest
from atalaya.ml.v1 import regression_pb2 as messages
from ml_service.config import Settings
from ml_service.model import ModelVersion, TrainedModel, card_bytes, content_hash
from ml_service.registry import Registry
from ml_service.store import Store
from service_runtime.database import Database
from service_runtime.errors import Internal, NotFound
from support.followers import days_from, growing
from support.ml_suite import Company, OtherServices, Suite
from support.running import refusal
from uuid6 import uuid7


@pytest.fixture
async def store(ml_settings: Settings) -> AsyncIterator[Store]:
    database = Database(ml_settings.database_url)
    yield Store(database)
    await database.close()


async def keep(store: Store, tenant_id: UUID, graph: bytes, username: str = "banco") -> ModelVersion:
    model = TrainedModel("forecast", graph, {"algorithm": "naive", "mase": 1.0e-05, "big": 1e22})
    async with store.transaction(tenant_id) as session:
        return await store.promote(
            session, tenant_id=tenant_id, model_id=uuid7(), username=username, model=model, trained_by="ana"
        )


def names_of(store: Store, capacity: int = 10) -> Registry[bytes]:
    """A registry whose models are their graphs."""
    return Registry(store, "forecast", lambda graph, card: graph, capacity=capacity)


async def test_each_training_is_a_version_and_the_newest_is_active(store: Store, company: Company) -> None:
    first = await keep(store, company.tenant_id, b"one")
    second = await keep(store, company.tenant_id, b"two")

    active = await store.active(company.tenant_id, "forecast", "banco")

    assert (first.version, second.version) == (1, 2)
    assert active == second


async def test_two_trainings_at_once_get_numbers_of_their_own(store: Store, company: Company) -> None:
    versions = await asyncio.gather(*(keep(store, company.tenant_id, b"same") for _ in range(4)))

    assert sorted(version.version for version in versions) == [1, 2, 3, 4]


async def test_a_model_is_what_its_hashes_say(store: Store, company: Company) -> None:
    version = await keep(store, company.tenant_id, b"graph")

    assert version.sha256 == content_hash(b"graph")
    assert version.card_sha256 == content_hash(card_bytes({"algorithm": "naive", "mase": 1.0e-05, "big": 1e22}))
    assert (await names_of(store).active(company.tenant_id, "banco")).model == b"graph"


@pytest.mark.parametrize("which", ["sha256", "card_sha256"])
async def test_bytes_that_were_changed_are_never_loaded(
    store: Store, company: Company, ml_settings: Settings, which: str
) -> None:
    version = await keep(store, company.tenant_id, b"graph")
    async with await psycopg.AsyncConnection.connect(ml_settings.database_url) as connection:
        await connection.execute("SELECT set_config('app.tenant_id', %s, false)", (str(company.tenant_id),))
        await connection.execute("UPDATE model_blobs SET bytes = 'other' WHERE sha256 = %s", (getattr(version, which),))

    with pytest.raises(Internal) as caught:
        await names_of(store).active(company.tenant_id, "banco")

    assert caught.value.reason == "MODEL_DAMAGED"


async def test_a_newer_version_takes_the_place_of_the_one_in_memory(store: Store, company: Company) -> None:
    registry = names_of(store)
    await keep(store, company.tenant_id, b"one")
    before = await registry.active(company.tenant_id, "banco")
    again = await registry.active(company.tenant_id, "banco")
    await keep(store, company.tenant_id, b"two")

    after = await registry.active(company.tenant_id, "banco")

    assert again is before
    assert (before.model, after.model) == (b"one", b"two")


async def test_the_model_longest_unused_leaves_the_memory(store: Store, company: Company) -> None:
    registry = names_of(store, capacity=1)
    await keep(store, company.tenant_id, b"one", "banco")
    await keep(store, company.tenant_id, b"two", "caja")
    first = await registry.active(company.tenant_id, "banco")
    await registry.active(company.tenant_id, "caja")

    again = await registry.active(company.tenant_id, "banco")

    assert again is not first


async def test_another_tenants_model_is_as_if_it_were_not_there(
    store: Store, company: Company, others: tuple[OtherServices, str]
) -> None:
    await keep(store, company.tenant_id, b"one")
    neighbour = uuid7()

    with pytest.raises(NotFound):
        await names_of(store).active(neighbour, "banco")
    assert await store.blob(neighbour, content_hash(b"one")) is None


async def test_predictions_come_from_the_newest_training(suite: Suite, company: Company) -> None:
    first = date(2024, 3, 1)
    company.write_followers("banco", days_from(first, 40), growing(40))
    request = messages.TrainForecastRequest(username="banco")
    await suite.regression.TrainForecast(request, metadata=company.caller())
    company.write_followers("banco", days_from(first + timedelta(days=40), 5), growing(45)[40:])
    trained = await suite.regression.TrainForecast(request, metadata=company.caller())

    predicted = await suite.regression.PredictFollowers(
        messages.PredictFollowersRequest(username="banco"), metadata=company.caller()
    )

    assert (trained.version, trained.training_rows) == (2, 45)
    assert predicted.model_id == trained.model_id
    assert len(predicted.series) == 30


async def test_a_company_cannot_use_the_models_of_another(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(date(2024, 3, 1), 40), growing(40))
    await suite.regression.TrainForecast(messages.TrainForecastRequest(username="banco"), metadata=company.caller())
    neighbour = Company(company.issuer, company.settings)
    suite.others.accounts[str(neighbour.tenant_id)] = ["banco"]

    error = await refusal(
        suite.regression.PredictFollowers(
            messages.PredictFollowersRequest(username="banco"), metadata=neighbour.caller()
        )
    )

    assert error.reason == "MODEL_NOT_TRAINED"
