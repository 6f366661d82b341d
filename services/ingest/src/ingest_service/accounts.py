"""Social accounts of a tenant."""

from collections.abc import Callable, Mapping
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.errors import InvalidArgument, NotFound
from service_runtime.identity import Identity
from service_runtime.jobs import AuditOutbox

from ingest_service.account_store import Account, AccountStore, name_key
from ingest_service.lake_changes_store import LakeChanges
from ingest_service.sight import callers_sight


class Accounts:
    """Accounts of the caller's tenant."""

    def __init__(
        self,
        database: Database,
        store: AccountStore,
        new_id: Callable[[], UUID],
        audit: AuditOutbox,
        lake_changes: LakeChanges,
    ) -> None:
        self._database = database
        self._store = store
        self._new_id = new_id
        self._audit = audit
        self._lake_changes = lake_changes

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
        if "\0" in username:
            raise InvalidArgument("BAD_ACCOUNT", "The user name has a NUL character.")
        async with self._database.tenant_session(caller.tenant_id) as session:
            account = await self._store.insert(session, caller.tenant_id, self._new_id(), platform, username)
            details = {"username": account.username, "platform": platform}
            await self._tell(session, caller, "create_account", account, details)
            return account

    async def update(self, caller: Identity, account_id: UUID, is_active: bool | None, minutes: int | None) -> Account:
        """Changes what is given of an account in sight."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            before = await self._account(session, caller, account_id)
            after = await self._store.update(session, account_id, is_active=is_active, minutes=minutes)
            if after != before:
                details = {"is_active": str(after.is_active), "sync_interval_minutes": str(after.sync_interval_minutes)}
                await self._tell(session, caller, "update_account", after, details)
            return after

    async def delete(self, caller: Identity, account_id: UUID) -> None:
        """Removes an account in sight with its records; the lake follows."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            await self._account(session, caller, account_id)
        async with self._database.tenant_session(caller.tenant_id) as session:
            # In this order, as every writer does: who brings in rows finds the account or waits until it is gone.
            await self._store.take_turn(session, caller.tenant_id)
            account = await self._account(session, caller, account_id)
            await self._store.delete(session, account)
            await self._lake_changes.note_gone(session, caller.tenant_id, account.id_usuario, account.username)
            await self._tell(session, caller, "delete_account", account, {"username": account.username})

    async def _account(self, session: Session, caller: Identity, account_id: UUID) -> Account:
        account = await self._store.by_id(session, account_id, callers_sight(caller))
        if account is None:
            raise NotFound("SOCIAL_ACCOUNT_NOT_FOUND", "There is no such account.", id=account_id)
        return account

    async def _tell(
        self, session: Session, caller: Identity, action: str, account: Account, details: Mapping[str, str]
    ) -> None:
        await self._audit.record(
            session,
            tenant_id=caller.tenant_id,
            actor=caller.subject,
            action=action,
            resource=f"social-accounts/{account.account_id}",
            details=details,
        )

    async def visible(self, caller: Identity) -> list[str]:
        """Gives the names of the accounts that the caller may see."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            return await self._store.visible_names(session, callers_sight(caller))
