"""Who of the tenant may see an account."""

from collections.abc import Iterable
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.identity import ROLE_ORDER, Identity
from service_runtime.jobs import AuditOutbox

from ingest_service.access_store import Access, AccessStore
from ingest_service.account_store import Account, AccountStore
from ingest_service.sight import account_forbidden, callers_sight


class AccountAccess:
    """Access to accounts of the caller's tenant, which its admins set."""

    def __init__(self, database: Database, accounts: AccountStore, store: AccessStore, audit: AuditOutbox) -> None:
        self._database = database
        self._accounts = accounts
        self._store = store
        self._audit = audit

    async def get(self, caller: Identity, username: str) -> tuple[Account, Access]:
        async with self._database.tenant_session(caller.tenant_id) as session:
            account = await self._account(session, caller, username)
            return account, await self._store.get(session, account.id_usuario)

    async def set(
        self, caller: Identity, username: str, roles: Iterable[str], users: Iterable[UUID]
    ) -> tuple[Account, Access]:
        """Replaces who may see the account; with neither roles nor people everybody may again."""
        wanted = set(roles)
        access = Access([role for role in ROLE_ORDER if role in wanted], list(dict.fromkeys(users)))
        async with self._database.tenant_session(caller.tenant_id) as session:
            account = await self._account(session, caller, username)
            await self._store.set(session, caller.tenant_id, account.id_usuario, access)
            await self._audit.record(
                session,
                tenant_id=caller.tenant_id,
                actor=caller.subject,
                action="set_account_access",
                resource=f"social-accounts/{account.account_id}",
                details={"roles": " ".join(access.roles), "users": " ".join(map(str, access.users))},
            )
        return account, access

    async def _account(self, session: Session, caller: Identity, username: str) -> Account:
        for account in (await self._accounts.find(session, [username], callers_sight(caller))).values():
            return account
        raise account_forbidden(username)
