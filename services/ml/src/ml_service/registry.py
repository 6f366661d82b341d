"""The models that answer now: checked against their hashes, kept in memory until a newer version is active."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from service_runtime.errors import Internal, NotFound

from ml_service.model import Kind, ModelVersion, content_hash
from ml_service.store import Store

M = TypeVar("M")


@dataclass(frozen=True)
class Loaded(Generic[M]):
    """A model ready to answer, and the version it is."""

    version: ModelVersion
    model: M


class Registry(Generic[M]):
    """Active models of one kind."""

    def __init__(
        self, store: Store, kind: Kind, load: Callable[[bytes, Mapping[str, Any]], M], *, capacity: int
    ) -> None:
        self._store = store
        self._kind = kind
        self._load = load
        self._capacity = capacity
        self._loaded: OrderedDict[tuple[UUID, str], Loaded[M]] = OrderedDict()

    async def version(self, tenant_id: UUID, username: str) -> ModelVersion:
        """The account's active version; NotFound where nothing was trained."""
        version = await self._store.active(tenant_id, self._kind, username)
        if version is None:
            raise NotFound("MODEL_NOT_TRAINED", "No model is trained for this account yet.", username=username)
        return version

    async def active(self, tenant_id: UUID, username: str) -> Loaded[M]:
        """The account's active model, from memory where that still is the active one."""
        version = await self.version(tenant_id, username)
        key = (tenant_id, username)
        found = self._loaded.get(key)
        if found is None or found.version.model_id != version.model_id:
            found = Loaded(version, await self._load_version(tenant_id, version))
            self._loaded[key] = found
        self._loaded.move_to_end(key)
        while len(self._loaded) > self._capacity:
            self._loaded.popitem(last=False)
        return found

    def forget(self, tenant_id: UUID) -> None:
        """Drops a tenant's models from memory."""
        for key in [key for key in self._loaded if key[0] == tenant_id]:
            del self._loaded[key]

    async def _load_version(self, tenant_id: UUID, version: ModelVersion) -> M:
        graph = await self._checked(tenant_id, version.sha256)
        card = json.loads(await self._checked(tenant_id, version.card_sha256))
        return await asyncio.to_thread(self._load, graph, card)

    async def _checked(self, tenant_id: UUID, sha256: str) -> bytes:
        content = await self._store.blob(tenant_id, sha256)
        if content is None or content_hash(content) != sha256:
            raise Internal("MODEL_DAMAGED", "The stored model is not the one that was trained; train it again.")
        return content
