"""A tenant's own records: itself, its people and their sessions."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from auth_service.accounts import Tenant, User
from auth_service.api_key_store import ApiKeyRecords
from auth_service.audit_store import AuditRecords
from auth_service.erasure_store import Leaving
from auth_service.invitation_store import InvitationRecords
from auth_service.names import comparison_key
from auth_service.people_store import USER_COLUMNS, PeopleRecords


class TenantRecords(PeopleRecords, InvitationRecords, ApiKeyRecords, AuditRecords, Leaving):
    """A transaction that sees one tenant."""

    async def add_tenant(self, tenant: Tenant) -> None:
        await self.run(
            """INSERT INTO tenants (tenant_id, name, name_key, timezone, is_active, created_at)
               VALUES (:tenant_id, :name, :name_key, :timezone, :is_active, :created_at)""",
            **vars(tenant),
            name_key=comparison_key(tenant.name),
        )

    async def change_tenant(self, tenant: Tenant) -> None:
        await self.run(
            """UPDATE tenants SET name = :name, timezone = :timezone, is_active = :is_active
               WHERE tenant_id = :tenant_id""",
            **vars(tenant),
        )

    async def tenant(self) -> Tenant | None:
        row = await self.row("SELECT tenant_id, name, timezone, is_active, created_at FROM tenants")
        return Tenant(**row) if row is not None else None

    async def add_user(self, user: User, password_hash: str) -> User:
        """Records a person and gives them a number."""
        row = await self.row(
            """INSERT INTO users (tenant_id, user_id, email, email_key, username, username_key, full_name, role,
                                  is_active, created_at, password_hash, password_changed_at)
               VALUES (:tenant_id, :user_id, :email, :email_key, :username, :username_key, :full_name, :role,
                       :is_active, :created_at, :password_hash, :created_at)
               RETURNING number""",
            **_user_values(user),
            password_hash=password_hash,
        )
        return user if row is None else replace(user, number=row["number"])

    async def change_user(self, user: User) -> None:
        await self.run(
            """UPDATE users SET email = :email, email_key = :email_key, full_name = :full_name, role = :role,
                                is_active = :is_active
               WHERE user_id = :user_id""",
            **_user_values(user),
        )

    async def raise_access_version(self, user_id: UUID) -> int:
        """Counts that a person's rights changed; gives the version that tokens have from now on."""
        row = await self.row(
            """UPDATE users SET access_version = access_version + 1 WHERE user_id = :user_id
               RETURNING access_version""",
            user_id=user_id,
        )
        return 0 if row is None else int(row["access_version"])

    async def set_password(self, user_id: UUID, password_hash: str, now: datetime) -> None:
        await self.run(
            "UPDATE users SET password_hash = :password_hash, password_changed_at = :now WHERE user_id = :user_id",
            user_id=user_id,
            password_hash=password_hash,
            now=now,
        )

    async def password_hash(self, user_id: UUID) -> str | None:
        row = await self.row("SELECT password_hash FROM users WHERE user_id = :user_id", user_id=user_id)
        return None if row is None else str(row["password_hash"])

    async def lock_password_hash(self, user_id: UUID) -> str | None:
        """Gives the hash of an active person's password and keeps both so until the transaction ends."""
        row = await self.row(
            "SELECT password_hash FROM users WHERE user_id = :user_id AND is_active FOR UPDATE", user_id=user_id
        )
        return None if row is None else str(row["password_hash"])

    async def renew_hash(self, user_id: UUID, old: str, new: str) -> None:
        """Replaces the hash of an unchanged password, unless the password was changed meanwhile."""
        await self.run(
            "UPDATE users SET password_hash = :new WHERE user_id = :user_id AND password_hash = :old",
            user_id=user_id,
            old=old,
            new=new,
        )

    async def user_named(self, username: str) -> tuple[User, str] | None:
        """Gives a person by user name, with the password's hash."""
        row = await self.row(
            f"SELECT {USER_COLUMNS}, password_hash FROM users WHERE username_key = :key",  # noqa: S608
            key=comparison_key(username),
        )
        if row is None:
            return None
        values = dict(row)
        password_hash = values.pop("password_hash")
        return User(**values), password_hash

    async def user_in_session(self, user_id: UUID, session_id: UUID | None) -> User | None:
        """Gives a person with the log-in before this session; for a session that is not known, with the latest."""
        row = await self.row(
            f"""SELECT {USER_COLUMNS},
                       CASE WHEN seen.session_id IS NULL THEN last_login_at ELSE previous_login_at END AS last_login_at
                FROM users
                LEFT JOIN (SELECT user_id AS session_user_id, session_id, previous_login_at FROM sessions
                           WHERE session_id = :session_id) AS seen ON session_user_id = user_id
                WHERE user_id = :user_id""",  # noqa: S608
            user_id=user_id,
            session_id=session_id,
        )
        return User(**row) if row is not None else None


def _user_values(user: User) -> dict[str, object]:
    values = dict(vars(user))
    del values["last_login_at"]
    return {**values, "email_key": comparison_key(user.email), "username_key": comparison_key(user.username)}
