"""Clusters as they are served: an ONNX graph and its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_service.onnx_session import Graph


class ServedClusters:
    """Tells the cluster of a post; holds no training code."""

    def __init__(self, graph: bytes, card: Mapping[str, Any]) -> None:
        self._graph = Graph(graph)
        self.clusters: list[Mapping[str, Any]] = list(card["clusters"])

    def nearest(self, likes: int, comments: int, shares: int) -> Mapping[str, Any]:
        number = self._graph.run(np.array([[likes, comments, shares]], dtype=np.float64))[0]
        return self.clusters[int(number)]
