"""Clusters of posts, through the real stub, worker, database and lake."""

from __future__ import annotations

import numpy as np
import pytest
from atalaya.jobs.v1.job_pb2 import SUCCEEDED
from atalaya.ml.v1 import clustering_pb2 as messages
from support.ml_suite import Company, Suite
from support.running import refusal


def write_four_groups(company: Company, account: str = "banco") -> None:
    generator = np.random.default_rng(5)
    middles = [(10, 2, 1), (120, 15, 8), (1500, 200, 90), (30_000, 4000, 2500)]
    posts = [np.array(middle) * generator.lognormal(0, 0.15, (30, 3)) for middle in middles]
    company.write_posts(account, np.concatenate(posts).round().astype(np.int32))


async def test_posts_are_clustered_and_a_post_finds_its_cluster(suite: Suite, company: Company) -> None:
    write_four_groups(company)

    trained = await suite.clustering.TrainClusters(
        messages.TrainClustersRequest(username="banco"), metadata=company.caller()
    )
    listed = await suite.clustering.ListClusters(
        messages.ListClustersRequest(username="banco"), metadata=company.caller("viewer")
    )
    nearest = await suite.clustering.PredictCluster(
        messages.PredictClusterRequest(username="banco", likes=1200, comentarios=180, compartidos=70),
        metadata=company.caller("viewer"),
    )

    assert (trained.status, trained.clusters, trained.posts, trained.version) == (SUCCEEDED, 4, 120, 1)
    assert trained.silhouette > 0.5
    assert [(each.id, each.name, each.count, each.share) for each in listed.clusters] == [
        (0, "Bajo", 30, 0.25),
        (1, "Medio", 30, 0.25),
        (2, "Alto", 30, 0.25),
        (3, "Viral", 30, 0.25),
    ]
    assert (nearest.cluster, nearest.cluster_name) == (2, "Alto Engagement")
    assert trained.model_id == listed.model_id == nearest.model_id


async def test_the_number_of_clusters_can_be_fixed(suite: Suite, company: Company) -> None:
    write_four_groups(company)

    reply = await suite.clustering.TrainClusters(
        messages.TrainClustersRequest(username="banco", clusters=2), metadata=company.caller()
    )

    assert reply.clusters == 2


@pytest.mark.parametrize("clusters", [1, 13])
async def test_a_number_of_clusters_beyond_the_contract_is_refused(
    suite: Suite, company: Company, clusters: int
) -> None:
    error = await refusal(
        suite.clustering.TrainClusters(
            messages.TrainClustersRequest(username="banco", clusters=clusters), metadata=company.caller()
        )
    )

    assert error.reason == "INVALID_REQUEST"


async def test_too_few_posts_are_told_with_both_numbers(suite: Suite, company: Company) -> None:
    company.write_posts("banco", np.ones((19, 3), np.int32))

    error = await refusal(
        suite.clustering.TrainClusters(messages.TrainClustersRequest(username="banco"), metadata=company.caller())
    )

    assert error.reason == "CLUSTER_HISTORY_TOO_SHORT"
    assert (error.metadata["posts"], error.metadata["needed"]) == ("19", "20")


async def test_only_the_accounts_own_posts_are_clustered(suite: Suite, company: Company) -> None:
    write_four_groups(company)
    company.write_posts("caja", np.ones((25, 3), np.int32))

    reply = await suite.clustering.TrainClusters(
        messages.TrainClustersRequest(username="caja"), metadata=company.caller()
    )

    assert (reply.posts, reply.clusters) == (25, 1)
    assert not reply.HasField("silhouette")


async def test_clusters_need_a_training_and_an_account_of_ones_own(suite: Suite, company: Company) -> None:
    request = messages.PredictClusterRequest(username="banco", likes=1)

    untrained = await refusal(suite.clustering.PredictCluster(request, metadata=company.caller()))
    request.username = "other"
    foreign = await refusal(suite.clustering.PredictCluster(request, metadata=company.caller()))

    assert (untrained.reason, foreign.reason) == ("MODEL_NOT_TRAINED", "ACCOUNT_FORBIDDEN")
