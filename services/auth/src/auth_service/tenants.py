"""The caller's tenant."""

from service_runtime.errors import NotFound
from service_runtime.identity import Identity

from auth_service.accounts import Tenant
from auth_service.store import Store


class Tenants:
    """Reads the caller's tenant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def own(self, caller: Identity) -> tuple[Tenant, int]:
        """Gives the tenant, and how many people of it are active."""
        async with self._store.tenant(caller.tenant_id) as records:
            tenant, people = await records.tenant(), await records.active_people()
        if tenant is None:
            raise NotFound("TENANT_NOT_FOUND", "The tenant is gone.")
        return tenant, people
