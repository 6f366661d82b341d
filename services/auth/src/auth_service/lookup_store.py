"""Look-ups made before the tenant is known."""

from datetime import datetime
from uuid import UUID

from auth_service.accounts import BEARER_FIELDS, Bearer, LoginAccount
from auth_service.programs import PresentedApiKey
from auth_service.transaction_store import Transaction


class Lookups(Transaction):
    """A transaction before the tenant is known. Each look-up is one function that sees just what it answers."""

    async def account_by_email(self, email_key: str, source: str, since: datetime) -> LoginAccount | None:
        return await self._account("find_account_by_email", email_key, source, since)

    async def account_by_username(self, username_key: str, source: str, since: datetime) -> LoginAccount | None:
        """Finds nobody where two tenants have somebody of that name."""
        return await self._account("find_account_by_username", username_key, source, since)

    async def tenant_named(self, name_key: str) -> UUID | None:
        return await self._tenant("find_tenant_by_name", name_key)

    async def email_is_taken(self, email_key: str) -> bool:
        row = await self.row("SELECT email_is_taken(:email_key) AS is_taken", email_key=email_key)
        return bool(row and row["is_taken"])

    async def session_of_refresh_token(self, token_hash: bytes) -> tuple[UUID, UUID] | None:
        """Gives tenant and session of a refresh token."""
        row = await self.row("SELECT * FROM find_session_by_refresh_token(:token_hash)", token_hash=token_hash)
        return None if row is None else (row["tenant_id"], row["session_id"])

    async def api_key(self, key_hash: bytes) -> PresentedApiKey | None:
        row = await self.row("SELECT * FROM find_api_key(:key_hash)", key_hash=key_hash)
        return None if row is None else PresentedApiKey(**row)

    async def tenant_of_invitation(self, token_hash: bytes) -> UUID | None:
        return await self._tenant("find_tenant_by_invitation_token", token_hash)

    async def tenant_of_password_reset(self, token_hash: bytes) -> UUID | None:
        return await self._tenant("find_tenant_by_password_reset_token", token_hash)

    async def _tenant(self, function: str, key: object) -> UUID | None:
        row = await self.row(f"SELECT {function}(:key) AS tenant_id", key=key)
        return None if row is None else row["tenant_id"]

    async def _account(self, function: str, key: str, source: str, since: datetime) -> LoginAccount | None:
        row = await self.row(f"SELECT * FROM {function}(:key, :source, :since)", key=key, source=source, since=since)  # noqa: S608
        if row is None:
            return None
        return LoginAccount(
            bearer=Bearer(**{name: row[name] for name in BEARER_FIELDS}),
            email_key=row["email_key"],
            username_key=row["username_key"],
            password_hash=row["password_hash"],
            is_active=row["is_active"],
            known_source=row["known_source"],
        )
