"""Clusters of posts: chosen by silhouette, ordered by engagement, served as they were trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ml_service.cluster_names import cluster_names
from ml_service.model import card_bytes
from ml_service.served_clusters import ServedClusters
from ml_service.training.cluster_training import train_clusters
from ml_service.training.silhouette import mean_silhouettes
from numpy.typing import NDArray
from service_runtime.errors import InvalidArgument
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score


def quietly(_: float) -> None:
    """Progress that nobody watches."""


def groups(*middles: tuple[int, int, int], each: int = 60) -> NDArray[np.int32]:
    """Posts around some middles."""
    generator = np.random.default_rng(5)
    parts = [np.array(middle) * generator.lognormal(0, 0.15, (each, 3)) for middle in middles]
    return np.concatenate(parts).round().astype(np.int32)


FOUR = groups((10, 2, 1), (120, 15, 8), (1500, 200, 90), (30_000, 4000, 2500))


def test_as_many_clusters_as_there_are_are_found_and_named_by_rank() -> None:
    clusters = train_clusters(FOUR, None, quietly).card["clusters"]

    assert [each["name"] for each in clusters] == ["Bajo", "Medio", "Alto", "Viral"]
    assert [each["id"] for each in clusters] == [0, 1, 2, 3]
    assert [each["count"] for each in clusters] == [60, 60, 60, 60]
    assert [round(each["centroid"]["likes"], -1) for each in clusters[:2]] == [10, 120]


def test_counts_sum_to_the_posts() -> None:
    posts = np.random.default_rng(2).lognormal(3, 2, (500, 3)).astype(np.int32)

    card = train_clusters(posts, 7, quietly).card

    assert sum(each["count"] for each in card["clusters"]) == card["posts"] == 500
    assert len(card["clusters"]) == 7
    engagement = [sum(each["centroid"].values()) for each in card["clusters"]]
    assert engagement == sorted(engagement)


def test_served_clusters_are_those_of_the_training() -> None:
    posts = np.random.default_rng(4).lognormal(3, 2, (400, 3)).astype(np.int32)
    model = train_clusters(posts, 5, quietly)
    served = ServedClusters(model.graph, model.card)

    numbers = np.array([served.nearest(*post)["id"] for post in posts.tolist()])

    assert np.bincount(numbers, minlength=5).tolist() == [each["count"] for each in model.card["clusters"]]
    logs = np.log1p(posts)
    points = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    reference = KMeans(5, n_init=5, random_state=20240101).fit(points[np.lexsort(posts.T)]).predict(points)
    assert len({(int(a), int(b)) for a, b in zip(numbers, reference, strict=True)}) == 5


def test_the_same_posts_in_any_order_give_the_same_model() -> None:
    shuffled = np.random.default_rng(1).permutation(FOUR)

    first, second = train_clusters(FOUR, None, quietly), train_clusters(shuffled, None, quietly)

    assert first.graph == second.graph
    assert card_bytes(first.card) == card_bytes(second.card)


def test_the_silhouette_is_scikit_learns() -> None:
    points = np.random.default_rng(9).normal(size=(1500, 3))
    labellings = {k: np.random.default_rng(k).integers(0, k, 1500) for k in (2, 5)}

    ours = mean_silhouettes(points, labellings)

    assert ours == pytest.approx({k: silhouette_score(points, labels) for k, labels in labellings.items()})


def test_nineteen_posts_are_too_few() -> None:
    with pytest.raises(InvalidArgument) as caught:
        train_clusters(FOUR[:19], None, quietly)

    assert caught.value.reason == "CLUSTER_HISTORY_TOO_SHORT"
    assert caught.value.metadata == {"posts": "19", "needed": "20"}


@pytest.mark.parametrize("wanted", [None, 4])
def test_posts_that_are_all_alike_make_one_cluster(wanted: int | None) -> None:
    card: Any = train_clusters(np.tile(np.array([[3, 4, 5]], np.int32), (25, 1)), wanted, quietly).card

    assert [(each["name"], each["count"]) for each in card["clusters"]] == [("Medio", 25)]
    assert card["silhouette"] is None
    assert card["requested_clusters"] == wanted


def test_names_are_unique_for_every_number_of_clusters() -> None:
    for clusters in range(1, 13):
        names = cluster_names(clusters)
        assert len(set(names)) == len(names) == clusters
    assert cluster_names(5) == ["Bajo", "Medio-Bajo", "Medio", "Medio-Alto", "Alto"]
