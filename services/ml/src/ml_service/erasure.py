"""What ml erases of a tenant that leaves: trainings, models, and those in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from service_runtime.erasure import TenantRows

from ml_service.registry import Registry


class Erasure:
    """Erases models in the database, which is the only place that keeps them, and forgets the loaded ones."""

    def __init__(self, rows: TenantRows, registries: Sequence[Registry[Any]]) -> None:
        self._rows = rows
        self._registries = registries

    async def erase(self, tenant_id: UUID) -> tuple[int, int]:
        """Gives how many rows there were, and that there are no objects."""
        rows = await self._rows.erase(tenant_id)
        for registry in self._registries:
            registry.forget(tenant_id)
        return rows, 0
