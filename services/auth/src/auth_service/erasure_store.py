"""Erasures of tenants, and what a tenant's own transaction does when it leaves."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from auth_service.erasures import Erased, Erasure
from auth_service.transaction_store import Transaction

_COLUMNS = """erasure_id, leaving, requested_at, calls_end_at, due_at, attempts, erased_rows, erased_objects,
    finished_at, swept_again_at"""


class Leaving(Transaction):
    """What a transaction that sees one tenant does when that leaves."""

    async def deactivate_tenant(self) -> None:
        """Keeps everybody of the tenant out."""
        await self.run("UPDATE tenants SET is_active = false WHERE tenant_id = :tenant_id", tenant_id=self.tenant_id)

    async def end_every_session(self, now: datetime) -> None:
        """Ends all sessions of the tenant with their refresh tokens; access tokens are revoked with the tenant's."""
        await self.run("UPDATE sessions SET ended_at = :now WHERE ended_at IS NULL", now=now)
        await self.run(
            "UPDATE refresh_tokens SET revoked_at = :now, successor_key = NULL WHERE revoked_at IS NULL", now=now
        )

    async def add_erasure(self, erasure: Erasure) -> None:
        await self.run(
            f"""INSERT INTO erasures ({_COLUMNS})
                VALUES (:erasure_id, :leaving, :requested_at, :calls_end_at, :due_at, :attempts, :erased_rows,
                        :erased_objects, :finished_at, :swept_again_at)""",  # noqa: S608
            **vars(erasure),
        )

    async def addresses(self) -> list[str]:
        """Gives every e-mail address of the tenant's, in small letters."""
        rows = await self.rows("SELECT lower(email) AS email FROM users UNION SELECT lower(email) FROM invitations")
        return [row["email"] for row in rows]

    async def erase_audit(self) -> int:
        """Erases the tenant's trail, if it is inactive and leaving, and gives how many events there were."""
        row = await self.row("SELECT erase_audit(:tenant_id) AS events", tenant_id=self.tenant_id)
        return 0 if row is None else int(row["events"])


class ErasureRecords(Transaction):
    """A transaction that sees erasures, and no tenant's rows."""

    async def get(self, erasure_id: UUID) -> Erasure | None:
        row = await self.row(f"SELECT {_COLUMNS} FROM erasures WHERE erasure_id = :id", id=erasure_id)  # noqa: S608
        return Erasure(**row) if row is not None else None

    async def drop_mails(self, addresses: Sequence[str]) -> int:
        """Drops nobody's jobs that name an address: a reset is asked for before it is known whose it is."""
        rows = await self.rows(
            "DELETE FROM jobs WHERE lower(payload->>'email') = ANY(:addresses) RETURNING id", addresses=list(addresses)
        )
        return len(rows)

    async def take_due(self, now: datetime, held_until: datetime) -> Erasure | None:
        """Gives an erasure that is to go on, and keeps others from it for a while, should its worker die."""
        row = await self.row(
            f"""UPDATE erasures SET attempts = attempts + 1, due_at = :held_until
                WHERE erasure_id = (SELECT erasure_id FROM erasures WHERE leaving IS NOT NULL AND due_at <= :now
                                    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
                RETURNING {_COLUMNS}""",  # noqa: S608
            now=now,
            held_until=held_until,
        )
        return Erasure(**row) if row is not None else None

    async def is_told(self, tenant_id: UUID) -> bool:
        """Tells whether a tenant's revocation was told; one that is forgotten was of tokens that have expired."""
        row = await self.row(
            "SELECT is_told FROM revocations WHERE kind = 'tenant' AND subject = :tenant_id", tenant_id=tenant_id
        )
        return row is None or bool(row["is_told"])

    async def settle(self, erasure: Erasure, erased: Erased) -> bool:
        """Records how an erasure stands after an attempt; False, with only the counts kept, where a later one began."""
        await self.run(
            """UPDATE erasures SET erased_rows = erased_rows + :rows, erased_objects = erased_objects + :objects
               WHERE erasure_id = :erasure_id""",
            erasure_id=erasure.erasure_id,
            **vars(erased),
        )
        row = await self.row(
            """UPDATE erasures SET leaving = :leaving, due_at = :due_at, finished_at = :finished_at,
                                   swept_again_at = :swept_again_at
               WHERE erasure_id = :erasure_id AND attempts = :attempts RETURNING erasure_id""",
            erasure_id=erasure.erasure_id,
            attempts=erasure.attempts,
            leaving=erasure.leaving,
            due_at=erasure.due_at,
            finished_at=erasure.finished_at,
            swept_again_at=erasure.swept_again_at,
        )
        return row is not None
