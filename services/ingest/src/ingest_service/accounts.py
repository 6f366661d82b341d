"""Social accounts of a tenant."""

from collections.abc import Callable
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import InvalidArgument
from service_runtime.identity import Identity
from service_runtime.jobs import AuditOutbox

from ingest_service.account_store import Account, AccountStore, name_key
from ingest_service.sight import callers_sight


class Accounts:
    """Accounts of the caller's tenant."""

    def __init__(self, database: Database, store: AccountStore, new_id: Callable[[], UUID], audit: AuditOutbox) -> None:
        self._database = database
        self._store = store
        self._new_id = new_id
        self._audit = audit

    async def page(self, caller: Identity, after: str, limit: int) -> list[Account]:
        """Gives the accounts that the caller may see behind a name, by name."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            return await self._store.page(session, callers_sight(caller), after, limit)

    async def create(self, caller: Identity, platform: str, username: str) -> Account:
        """Adds an account fed by imports."""
        if platform != "csv":
            raise InvalidArgument(
                "PLATFORM_NOT_AVAILABLE",
                f"Accounts of {platform} cannot be connected yet; only csv.",
                platform=platform,
            )
        if not name_key(username):
            raise InvalidArgument("BAD_ACCOUNT", "The user name must have more than spaces.")
        async with self._database.tenant_session(caller.tenant_id) as session:
            account = await self._store.insert(session, caller.tenant_id, self._new_id(), platform, username)
            await self._audit.record(
                session,
                tenant_id=caller.tenant_id,
                actor=caller.subject,
                action="create_account",
                resource=f"social-accounts/{account.account_id}",
                details={"username": account.username, "platform": platform},
            )
            return account

    async def visible(self, caller: Identity) -> list[str]:
        """Gives the names of the accounts that the caller may see."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            return await self._store.visible_names(session, callers_sight(caller))
