"""A tenant's people: who they are, what they may do, how they like it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from auth_service.accounts import Invitation, Tenant, User, UserSettings
from auth_service.names import comparison_key
from auth_service.session_store import SessionRecords
from auth_service.statement_store import Row

USER_COLUMNS = "user_id, tenant_id, email, username, full_name, role, is_active, created_at, number"
INVITATION_COLUMNS = "invitation_id, tenant_id, email, role, invited_by, created_at, expires_at"
# Neither accepted nor withdrawn nor too old.
INVITATION_IS_OPEN = "accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > :now"


class PeopleRecords(SessionRecords):
    """What a transaction that sees one tenant does with people."""

    async def lock_tenant(self) -> Tenant | None:
        """Gives the tenant and holds it until the transaction ends, so that who joins, leaves or changes rights queues.

        It comes before any other lock, or two transactions could wait for each other.
        """
        # Not FOR UPDATE: whatever else refers to the tenant may go on.
        row = await self.row("SELECT tenant_id, name, timezone, is_active, created_at FROM tenants FOR NO KEY UPDATE")
        return Tenant(**row) if row is not None else None

    async def lock_user(self, user_id: UUID) -> User | None:
        """Gives a person and holds the record until the transaction ends."""
        row = await self.row(
            f"SELECT {USER_COLUMNS}, last_login_at FROM users WHERE user_id = :user_id FOR UPDATE",  # noqa: S608
            user_id=user_id,
        )
        return User(**row) if row is not None else None

    async def page_of_people(self, after: UUID | None, limit: int, now: datetime) -> list[User | Invitation]:
        """Gives people and open invitations from behind an id on; an invitation's id becomes the person's."""
        beyond = {"after": after, "limit": limit}
        # With their own limits, so that neither half reads more than a page.
        users = await self.rows(
            f"""SELECT {USER_COLUMNS}, last_login_at FROM users
                WHERE CAST(:after AS uuid) IS NULL OR user_id > :after ORDER BY user_id LIMIT :limit""",  # noqa: S608
            **beyond,
        )
        invitations = await self.rows(
            f"""SELECT {INVITATION_COLUMNS} FROM invitations
                WHERE (CAST(:after AS uuid) IS NULL OR invitation_id > :after) AND {INVITATION_IS_OPEN}
                ORDER BY invitation_id LIMIT :limit""",  # noqa: S608
            **beyond,
            now=now,
        )
        return _merged(users, invitations)[:limit]

    async def active_people(self) -> int:
        row = await self.row("SELECT count(*) AS people FROM users WHERE is_active")
        return 0 if row is None else int(row["people"])

    async def people_and_invitations(self, now: datetime) -> int:
        """Counts who takes a place of the tenant's."""
        row = await self.row(
            f"""SELECT (SELECT count(*) FROM users)
                       + (SELECT count(*) FROM invitations WHERE {INVITATION_IS_OPEN}) AS places""",  # noqa: S608
            now=now,
        )
        return 0 if row is None else int(row["places"])

    async def has_other_admin(self, user_id: UUID) -> bool:
        """Tells whether there is an active admin besides a person."""
        row = await self.row(
            "SELECT FROM users WHERE role = 'admin' AND is_active AND user_id <> :user_id LIMIT 1", user_id=user_id
        )
        return row is not None

    async def has_email(self, email_key: str) -> bool:
        """Tells whether somebody of the tenant has the address."""
        return await self.row("SELECT FROM users WHERE email_key = :email_key", email_key=email_key) is not None

    async def free_username(self, wanted: str) -> str:
        """Gives the name, or with a number behind it where somebody of the tenant has it; the tenant must be locked."""
        key = comparison_key(wanted)
        rows = await self.rows("SELECT username_key FROM users WHERE starts_with(username_key, :key)", key=key[:56])
        taken = {row["username_key"] for row in rows}
        names = [wanted, *(f"{wanted[:56]}-{number}" for number in range(2, len(taken) + 3))]
        return next(name for name in names if comparison_key(name) not in taken)

    async def change_names(self, user: User) -> None:
        await self.run(
            """UPDATE users SET full_name = :full_name, username = :username, username_key = :username_key
               WHERE user_id = :user_id""",
            user_id=user.user_id,
            full_name=user.full_name,
            username=user.username,
            username_key=comparison_key(user.username),
        )

    async def change_access(self, user: User) -> None:
        await self.run(
            "UPDATE users SET role = :role, is_active = :is_active WHERE user_id = :user_id",
            user_id=user.user_id,
            role=user.role,
            is_active=user.is_active,
        )

    async def delete_user(self, user_id: UUID) -> None:
        """Deletes a person with sessions and tokens."""
        await self.run("DELETE FROM users WHERE user_id = :user_id", user_id=user_id)

    async def settings(self, user_id: UUID) -> UserSettings | None:
        """Gives a person's settings; what was never set is None."""
        row = await self.row(
            "SELECT language, timezone, email_notifications FROM users WHERE user_id = :user_id", user_id=user_id
        )
        return UserSettings(**row) if row is not None else None

    async def change_settings(self, user_id: UUID, settings: UserSettings) -> None:
        await self.run(
            """UPDATE users SET language = :language, timezone = :timezone, email_notifications = :email_notifications
               WHERE user_id = :user_id""",
            user_id=user_id,
            **vars(settings),
        )


def _merged(users: Sequence[Row], invitations: Sequence[Row]) -> list[User | Invitation]:
    found: dict[UUID, User | Invitation] = {row["invitation_id"]: Invitation(**row) for row in invitations}
    found |= {row["user_id"]: User(**row) for row in users}
    return [found[key] for key in sorted(found)]
