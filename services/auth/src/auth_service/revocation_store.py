"""What makes access tokens void before they expire, which every service must hear of."""

from datetime import datetime
from uuid import UUID

from service_runtime.revocations import Revocation, RevocationKind

from auth_service.statement_store import Row, Statements
from auth_service.transaction_store import Transaction

_COLUMNS = "kind, subject, version, until"


class RevocationWriting(Transaction):
    """Revoking, within the transaction of its cause. `until` is when the last void token will have expired anyway."""

    async def revoke_session(self, session_id: UUID, until: datetime) -> None:
        """Makes the tokens of a session void, or of an API key: its id is the session of the tokens given for it."""
        await self._revoke("session", session_id, 0, until)

    async def revoke_tenant(self, tenant_id: UUID, until: datetime) -> None:
        """Makes every token of a tenant void but those of services, which have its data to erase."""
        await self._revoke("tenant", tenant_id, 0, until)

    async def revoke_versions(self, user_id: UUID, version: int, until: datetime) -> None:
        """Makes the tokens void that a person got with a lower access version."""
        await self._revoke("person", user_id, version, until)

    async def _revoke(self, kind: RevocationKind, subject: UUID, version: int, until: datetime) -> None:
        await self.run(
            """INSERT INTO revocations AS known (kind, subject, version, until)
               VALUES (:kind, :subject, :version, :until)
               ON CONFLICT (kind, subject) DO UPDATE
               SET version = greatest(known.version, excluded.version), until = greatest(known.until, excluded.until),
                   is_told = false
               WHERE excluded.version > known.version OR excluded.until > known.until""",
            kind=kind,
            subject=subject,
            version=version,
            until=until,
        )


class RevocationRecords(Statements):
    """A transaction that sees what was revoked, in all tenants, and nothing else."""

    async def take_untold(self) -> list[Revocation]:
        """Gives what nobody was told yet; it counts as told when the transaction succeeds."""
        taken = f"UPDATE revocations SET is_told = true WHERE NOT is_told RETURNING {_COLUMNS}"  # noqa: S608
        return [_revocation(row) for row in await self.rows(taken)]

    async def living(self, now: datetime) -> list[Revocation]:
        """Gives all whose access tokens may not have expired yet."""
        rows = await self.rows(f"SELECT {_COLUMNS} FROM revocations WHERE until > :now", now=now)  # noqa: S608
        return [_revocation(row) for row in rows]

    async def forget(self, now: datetime) -> None:
        """Drops those whose access tokens have all expired."""
        await self.run("DELETE FROM revocations WHERE until <= :now", now=now)


def _revocation(row: Row) -> Revocation:
    return Revocation(row["kind"], str(row["subject"]), until=row["until"].timestamp(), version=row["version"])
