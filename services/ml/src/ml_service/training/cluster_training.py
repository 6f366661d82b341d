"""One training of an account's clusters of posts: k-means on standardised log counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from service_runtime.errors import InvalidArgument

from ml_service.cluster_names import cluster_names
from ml_service.forecast.series import Floats
from ml_service.model import TrainedModel
from ml_service.onnx_session import Graph
from ml_service.training.export import cluster_graph
from ml_service.training.silhouette import mean_silhouettes

FEWEST_POSTS = 20
FEATURES = ("likes", "comentarios", "compartidos")
_CHOICES = range(2, 13)
_SAMPLE = 10_000
_STARTS = 5
_SEED = 20240101

Counts = NDArray[np.int32]


@dataclass(frozen=True)
class _Scaling:
    mean: Floats
    deviation: Floats

    def points(self, counts: Counts) -> Floats:
        return (np.log1p(counts.astype(np.float64)) - self.mean) / self.deviation

    def counts(self, points: Floats) -> Floats:
        return np.asarray(np.expm1(points * self.deviation + self.mean))


def train_clusters(counts: Counts, wanted: int | None, progress: Callable[[float], None]) -> TrainedModel:
    """Clusters the posts (rows of likes, comments, shares) into as many groups as wanted, or as fit best."""
    if len(counts) < FEWEST_POSTS:
        raise InvalidArgument(
            "CLUSTER_HISTORY_TOO_SHORT",
            f"Clusters need at least {FEWEST_POSTS} posts; this account has {len(counts)}.",
            posts=len(counts),
            needed=FEWEST_POSTS,
        )
    # The order in which posts were read must not matter.
    ordered = counts[np.lexsort(counts.T)]
    scaling = _scaling(ordered)
    points = scaling.points(ordered)
    sample = points[np.random.default_rng(_SEED).permutation(len(points))[:_SAMPLE]]
    distinct = len(np.unique(sample, axis=0))
    choices = [min(wanted, distinct)] if wanted else [k for k in _CHOICES if k <= distinct] or [1]
    silhouettes = _silhouettes(sample, choices, progress)
    best = max(choices, key=lambda clusters: silhouettes.get(clusters, 0.0))
    centres = _by_engagement(_fit(points, best).cluster_centers_, scaling)
    progress(0.95)
    graph = cluster_graph(scaling.mean, scaling.deviation, centres)
    labels = Graph(graph).run(ordered.astype(np.float64))
    card = {
        "clusters": _clusters(scaling.counts(centres), labels),
        "requested_clusters": wanted,
        "posts": len(counts),
        "features": list(FEATURES),
        "silhouette": silhouettes.get(best),
        "silhouettes": {str(clusters): value for clusters, value in silhouettes.items()},
        "davies_bouldin": _davies_bouldin(points, labels),
        "inertia": float(((points - centres[labels]) ** 2).sum()),
        "sample": len(sample),
        "data": {"sha256": hashlib.sha256(ordered.astype("<i4").tobytes()).hexdigest(), "rows": len(counts)},
    }
    progress(1.0)
    return TrainedModel(kind="clusters", graph=graph, card=card)


def _scaling(counts: Counts) -> _Scaling:
    logs = np.log1p(counts.astype(np.float64))
    deviation = logs.std(axis=0)
    return _Scaling(logs.mean(axis=0), np.where(deviation > 1e-12, deviation, 1.0))


def _fit(points: Floats, clusters: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(clusters, n_init=_STARTS, random_state=_SEED).fit(points)


def _silhouettes(sample: Floats, choices: list[int], progress: Callable[[float], None]) -> dict[int, float]:
    labellings = {}
    for done, clusters in enumerate(choices):
        labels = _fit(sample, clusters).labels_.astype(np.int64)
        # Posts alike to the last bit can leave a cluster empty, and one cluster has no silhouette.
        _, labels = np.unique(labels, return_inverse=True)
        if labels.max() > 0:
            labellings[clusters] = labels
        progress(0.6 * (done + 1) / len(choices))
    return mean_silhouettes(sample, labellings)


def _by_engagement(centres: Floats, scaling: _Scaling) -> Floats:
    return np.asarray(centres[np.argsort(scaling.counts(centres).sum(axis=1), kind="stable")])


def _clusters(centres: Floats, labels: NDArray[np.int64]) -> list[dict[str, Any]]:
    sizes = np.bincount(labels, minlength=len(centres))
    return [
        {
            "id": number,
            "name": name,
            "count": int(sizes[number]),
            "centroid": {key: max(float(value), 0.0) for key, value in zip(FEATURES, centres[number], strict=True)},
        }
        for number, name in enumerate(cluster_names(len(centres)))
    ]


def _davies_bouldin(points: Floats, labels: NDArray[np.int64]) -> float | None:
    from sklearn.metrics import davies_bouldin_score

    return float(davies_bouldin_score(points, labels)) if 1 < len(np.unique(labels)) < len(points) else None
