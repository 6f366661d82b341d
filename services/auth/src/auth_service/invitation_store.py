"""A tenant's invitations, and the tokens with which people set new passwords."""

from datetime import datetime
from uuid import UUID

from auth_service.accounts import Invitation
from auth_service.people_store import INVITATION_COLUMNS, INVITATION_IS_OPEN
from auth_service.session_store import SessionRecords


class InvitationRecords(SessionRecords):
    """What a transaction that sees one tenant does with tokens that it sends by mail."""

    async def invitation_to(self, email_key: str) -> Invitation | None:
        """Gives the invitation to an address that was neither accepted nor withdrawn, however old."""
        return await self._invitation(
            "email_key = :email_key AND accepted_at IS NULL AND withdrawn_at IS NULL", email_key=email_key
        )

    async def lock_invitation(self, invitation_id: UUID, now: datetime) -> Invitation | None:
        """Gives an open invitation and holds it until the transaction ends."""
        return await self._invitation(
            f"invitation_id = :invitation_id AND {INVITATION_IS_OPEN} FOR UPDATE", invitation_id=invitation_id, now=now
        )

    async def lock_invitation_by_token(self, token_hash: bytes, now: datetime) -> Invitation | None:
        """The same, for who shows its token."""
        return await self._invitation(
            f"token_hash = :token_hash AND {INVITATION_IS_OPEN} FOR UPDATE", token_hash=token_hash, now=now
        )

    async def save_invitation(self, invitation: Invitation, email_key: str) -> None:
        """Records an invitation, or renews it: the token that it had is void from now on."""
        await self.run(
            """INSERT INTO invitations (tenant_id, invitation_id, email, email_key, role, invited_by, created_at,
                                        expires_at)
               VALUES (:tenant_id, :invitation_id, :email, :email_key, :role, :invited_by, :created_at, :expires_at)
               ON CONFLICT (tenant_id, invitation_id) DO UPDATE
               SET email = excluded.email, role = excluded.role, invited_by = excluded.invited_by,
                   expires_at = excluded.expires_at, token_hash = NULL""",
            **vars(invitation),
            email_key=email_key,
        )

    async def give_invitation_token(self, invitation_id: UUID, token_hash: bytes) -> None:
        """Gives an invitation a token in the place of the one before."""
        await self.run(
            "UPDATE invitations SET token_hash = :token_hash WHERE invitation_id = :invitation_id",
            invitation_id=invitation_id,
            token_hash=token_hash,
        )

    async def change_invited_role(self, invitation: Invitation) -> None:
        await self.run(
            "UPDATE invitations SET role = :role WHERE invitation_id = :invitation_id",
            invitation_id=invitation.invitation_id,
            role=invitation.role,
        )

    async def accept_invitation(self, invitation_id: UUID, now: datetime) -> None:
        await self.run(
            "UPDATE invitations SET accepted_at = :now, token_hash = NULL WHERE invitation_id = :invitation_id",
            invitation_id=invitation_id,
            now=now,
        )

    async def withdraw_invitation(self, invitation_id: UUID, now: datetime) -> None:
        await self.run(
            "UPDATE invitations SET withdrawn_at = :now, token_hash = NULL WHERE invitation_id = :invitation_id",
            invitation_id=invitation_id,
            now=now,
        )

    async def save_reset(self, user_id: UUID, token_hash: bytes, now: datetime, expires_at: datetime) -> None:
        """Lets a token set a person's password, in the place of the one before."""
        await self.run(
            """INSERT INTO password_resets (tenant_id, user_id, token_hash, created_at, expires_at)
               VALUES (:tenant_id, :user_id, :token_hash, :now, :expires_at)
               ON CONFLICT (tenant_id, user_id) DO UPDATE
               SET token_hash = excluded.token_hash, created_at = excluded.created_at,
                   expires_at = excluded.expires_at""",
            tenant_id=self.tenant_id,
            user_id=user_id,
            token_hash=token_hash,
            now=now,
            expires_at=expires_at,
        )

    async def person_to_reset(self, token_hash: bytes, now: datetime) -> UUID | None:
        """Gives the person whose password a token may set."""
        row = await self.row(
            "SELECT user_id FROM password_resets WHERE token_hash = :token_hash AND expires_at > :now",
            token_hash=token_hash,
            now=now,
        )
        return None if row is None else UUID(str(row["user_id"]))

    async def use_reset(self, token_hash: bytes, now: datetime) -> bool:
        """Uses up a token; False where it is none any more. Two at once: the second waits, and finds nothing."""
        row = await self.row(
            "DELETE FROM password_resets WHERE token_hash = :token_hash AND expires_at > :now RETURNING user_id",
            token_hash=token_hash,
            now=now,
        )
        return row is not None

    async def drop_reset(self, user_id: UUID) -> None:
        """Makes the token void that a person may have been sent."""
        await self.run("DELETE FROM password_resets WHERE user_id = :user_id", user_id=user_id)

    async def _invitation(self, condition: str, **values: object) -> Invitation | None:
        row = await self.row(f"SELECT {INVITATION_COLUMNS} FROM invitations WHERE {condition}", **values)  # noqa: S608
        return Invitation(**row) if row is not None else None
