"""Of a tenant that leaves, ml keeps no training, no model and nothing in memory."""

from datetime import date, timedelta

import pytest
from atalaya.ml.v1 import clustering_pb2, regression_pb2
from service_runtime.errors import NotFound
from sqlalchemy import make_url
from support.leaving import erase, left_of
from support.ml_suite import Company, Suite
from support.running import refusal
from support.tokens import TestIssuer

pytestmark = pytest.mark.slow

DAYS = [date(2026, 1, 1) + timedelta(day) for day in range(60)]


async def test_the_models_of_a_tenant_go_and_no_others(suite: Suite, company: Company, issuer: TestIssuer) -> None:
    staying = Company(issuer, suite.settings)
    suite.others.accounts[str(staying.tenant_id)] = ["banco"]
    database = make_url(suite.settings.database_url).database or ""
    for each in (company, staying):
        each.write_followers("banco", DAYS, [1000 + 7 * day for day in range(60)])
        each.write_posts("banco", each.posts(60))
        train = regression_pb2.TrainForecastRequest(username="banco")
        await suite.regression.TrainForecast(train, metadata=each.caller())
        clusters = clustering_pb2.TrainClustersRequest(username="banco")
        await suite.clustering.TrainClusters(clusters, metadata=each.caller())
        await predict(suite, each)
    before = left_of(database, company.tenant_id)
    # Positive control: they are there before.
    assert {"model_versions": 2, "jobs": 2}.items() <= before.items()
    kept = left_of(database, staying.tenant_id)

    reply = await erase(suite.channel, issuer, company.tenant_id, "ml")

    assert reply.rows == before["model_versions"] + before["model_blobs"] + before["jobs"]
    assert left_of(database, company.tenant_id) == {}
    error = await refusal(predict(suite, company))
    assert isinstance(error, NotFound)
    assert error.reason == "MODEL_NOT_TRAINED"
    assert left_of(database, staying.tenant_id) == kept
    await predict(suite, staying)


async def predict(suite: Suite, company: Company) -> regression_pb2.PredictFollowersResponse:
    request = regression_pb2.PredictFollowersRequest(username="banco", dias=3)
    return await suite.regression.PredictFollowers(request, metadata=company.caller())
