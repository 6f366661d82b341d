"""The rules of clusters of posts: train, tell the cluster of a post, list the clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service_parts.visible_accounts import VisibleAccounts
from service_runtime.identity import Identity
from service_runtime.jobs import JobRecord

from ml_service.model import ModelVersion
from ml_service.registry import Registry
from ml_service.served_clusters import ServedClusters
from ml_service.training_jobs import TRAIN_CLUSTERS, TrainingJobs


class Clusters:
    """Clusters of the accounts that a caller may see."""

    def __init__(self, accounts: VisibleAccounts, trainings: TrainingJobs, registry: Registry[ServedClusters]) -> None:
        self._accounts = accounts
        self._trainings = trainings
        self._registry = registry

    async def train(self, identity: Identity, username: str, clusters: int | None) -> JobRecord:
        account = await self._accounts.named(identity, username)
        return await self._trainings.train(identity, TRAIN_CLUSTERS, account, clusters=clusters)

    async def predict(
        self, identity: Identity, username: str, likes: int, comments: int, shares: int
    ) -> tuple[ModelVersion, Mapping[str, Any]]:
        account = await self._accounts.named(identity, username)
        loaded = await self._registry.active(identity.tenant_id, account)
        return loaded.version, loaded.model.nearest(likes, comments, shares)

    async def active(self, identity: Identity, username: str) -> ModelVersion:
        account = await self._accounts.named(identity, username)
        return await self._registry.version(identity.tenant_id, account)
