"""The mean silhouette of several labellings of the same points, for the price of one table of distances."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml_service.forecast.series import Floats

Labels = NDArray[np.int64]

_CHUNK = 1000


def mean_silhouettes(points: Floats, labellings: Mapping[int, Labels]) -> dict[int, float]:
    """For each labelling the mean of (b - a) / max(a, b); a point alone in its cluster counts 0."""
    sizes = {key: np.bincount(labels) for key, labels in labellings.items()}
    members = {key: np.eye(len(sizes[key]))[labels] for key, labels in labellings.items()}
    totals = dict.fromkeys(labellings, 0.0)
    squares = (points**2).sum(axis=1)
    for start in range(0, len(points), _CHUNK):
        rows = slice(start, start + _CHUNK)
        squared = squares[rows, None] + squares[None, :] - 2.0 * points[rows] @ points.T
        distances = np.sqrt(np.maximum(squared, 0.0))
        for key, labels in labellings.items():
            totals[key] += _silhouettes(distances @ members[key], labels[rows], sizes[key])
    return {key: total / len(points) for key, total in totals.items()}


def _silhouettes(sums: Floats, labels: Labels, sizes: Labels) -> float:
    row = np.arange(len(labels))
    own_size = sizes[labels]
    within = sums[row, labels] / np.maximum(own_size - 1, 1)
    others = sums / sizes
    others[row, labels] = np.inf
    nearest = others.min(axis=1)
    widest = np.maximum(within, nearest)
    value = np.where((own_size > 1) & (widest > 0), (nearest - within) / np.where(widest > 0, widest, 1.0), 0.0)
    return float(value.sum())
