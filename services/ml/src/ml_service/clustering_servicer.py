"""The rpcs of ClusteringService: clusters of posts."""

from __future__ import annotations

from typing import Any, TypeAlias

from atalaya.ml.v1 import clustering_pb2
from atalaya.ml.v1.clustering_pb2_grpc import ClusteringServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.server import set_success_status

from ml_service import convert
from ml_service.clusters import Clusters

Context: TypeAlias = ServicerContext[Any, Any]


class ClusteringServicer(ClusteringServiceServicer):
    """Trains and serves clusters."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters

    async def TrainClusters(
        self, request: clustering_pb2.TrainClustersRequest, context: Context
    ) -> clustering_pb2.TrainClustersResponse:
        wanted = request.clusters if request.HasField("clusters") else None
        job = await self._clusters.train(caller(), request.username, wanted)
        if not job.ended:
            set_success_status(202)
        return convert.from_trained_clusters(job)

    async def PredictCluster(
        self, request: clustering_pb2.PredictClusterRequest, context: Context
    ) -> clustering_pb2.PredictClusterResponse:
        version, cluster = await self._clusters.predict(
            caller(), request.username, request.likes, request.comentarios, request.compartidos
        )
        return convert.from_nearest(version, cluster)

    async def ListClusters(
        self, request: clustering_pb2.ListClustersRequest, context: Context
    ) -> clustering_pb2.ListClustersResponse:
        return convert.from_cluster_version(await self._clusters.active(caller(), request.username))
