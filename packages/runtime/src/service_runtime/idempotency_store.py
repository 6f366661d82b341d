"""Keys of calls that must not be done twice, and their answers, in PostgreSQL."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from service_runtime.database import Database, Session

# What an answer is kept for.
_OVER = "created_at < now() - interval '24 hours' AND lease_until < now()"
# So many that are over are deleted with each new one, and the one that is asked for.
_CLEAN = text(
    f"DELETE FROM idempotency_keys WHERE key = :key AND {_OVER} OR ctid = ANY(ARRAY("  # noqa: S608
    f"SELECT ctid FROM idempotency_keys WHERE tenant_id = :tenant_id AND {_OVER} LIMIT 20 FOR UPDATE SKIP LOCKED))"
)
# One whose lease is over and who has done nothing is gone: its key may be taken.
_CLAIM = text(
    "INSERT INTO idempotency_keys (tenant_id, key, fingerprint, claim, lease_until) "
    "VALUES (:tenant_id, :key, :fingerprint, :claim, now() + make_interval(secs => CAST(:seconds AS float8))) "
    "ON CONFLICT (tenant_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, claim = excluded.claim, "
    "lease_until = excluded.lease_until, created_at = now() "
    "WHERE idempotency_keys.lease_until < now() AND NOT idempotency_keys.answered "
    "AND idempotency_keys.resource IS NULL RETURNING claim"
)
_GET = text(
    "SELECT fingerprint, answered, resource, answer, status, headers, lease_until < now() AS lapsed "
    "FROM idempotency_keys WHERE key = :key"
)
_MINE = "WHERE key = :key AND claim = :claim"
_RENEW = text(
    f"UPDATE idempotency_keys SET lease_until = now() + make_interval(secs => CAST(:seconds AS float8)) {_MINE}"  # noqa: S608
)
_EFFECT = text(
    f"UPDATE idempotency_keys SET resource = coalesce(nullif(resource, ''), :resource) {_MINE} RETURNING key"  # noqa: S608
)
_KEEP = text(
    "UPDATE idempotency_keys SET answered = true, answer = :answer, status = :status, "  # noqa: S608
    f"headers = CAST(:headers AS jsonb), lease_until = now() {_MINE}"
)
_FORGET = text(f"DELETE FROM idempotency_keys {_MINE} AND resource IS NULL AND NOT answered")  # noqa: S608
_END_LEASE = text(f"UPDATE idempotency_keys SET lease_until = now() {_MINE}")  # noqa: S608


@dataclass(frozen=True)
class KeyRecord:
    """What is known of a key: whose request it is, what has come of it, and the answer where one is kept.

    `resource` names what was made; None where nothing was, as far as is known.
    """

    fingerprint: str
    answered: bool
    resource: str | None
    answer: bytes | None
    status: int
    headers: dict[str, str]
    lapsed: bool


@dataclass(frozen=True)
class Claim:
    """The right to do what a key stands for; another claim on the same key ends it."""

    tenant_id: UUID
    key: str
    claim: UUID

    @property
    def values(self) -> dict[str, object]:
        return {"key": self.key, "claim": self.claim}


class IdempotencyStore:
    """The table `idempotency_keys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, claim: Claim, fingerprint: str, seconds: float) -> KeyRecord | None:
        """Takes a key for so long; where it is another's already, gives what is known of it."""
        values = {"tenant_id": claim.tenant_id, "fingerprint": fingerprint, "seconds": seconds, **claim.values}
        while True:
            async with self._database.tenant_session(claim.tenant_id) as session:
                await session.execute(_CLEAN, {"tenant_id": claim.tenant_id, "key": claim.key})
                if (await session.execute(_CLAIM, values)).scalar_one_or_none() is not None:
                    return None
                row = (await session.execute(_GET, {"key": claim.key})).mappings().one_or_none()
            # It may be gone between the two.
            if row is not None:
                return KeyRecord(**row)

    async def renew(self, claim: Claim, seconds: float) -> None:
        async with self._database.tenant_session(claim.tenant_id) as session:
            await session.execute(_RENEW, {"seconds": seconds, **claim.values})

    async def note_effect(self, session: Session, claim: Claim, resource: str) -> bool:
        """Writes into the effect's own transaction that there is one; False where the key is another's by now."""
        noted = await session.execute(_EFFECT, {"resource": resource, **claim.values})
        return noted.scalar_one_or_none() is not None

    async def keep(self, claim: Claim, answer: bytes | None, status: int, headers: Mapping[str, str]) -> None:
        """Keeps the answer; None where there was one that must not be kept."""
        values = {"answer": answer, "status": status, "headers": json.dumps(dict(headers)), **claim.values}
        async with self._database.tenant_session(claim.tenant_id) as session:
            await session.execute(_KEEP, values)

    async def let_go(self, claim: Claim) -> None:
        """Gives the key free where nothing came of it; else ends the lease alone."""
        async with self._database.tenant_session(claim.tenant_id) as session:
            await session.execute(_FORGET, claim.values)
            await session.execute(_END_LEASE, claim.values)
