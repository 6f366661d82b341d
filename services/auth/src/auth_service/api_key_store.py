"""A tenant's API keys."""

from datetime import datetime, timedelta
from uuid import UUID

from auth_service.programs import ApiKey
from auth_service.transaction_store import Transaction

_COLUMNS = "key_id, prefix, name, role, created_by, created_at, expires_at, last_used_at, revoked_at"


class ApiKeyRecords(Transaction):
    """What a transaction that sees one tenant does with API keys."""

    async def count_living_api_keys(self, now: datetime) -> int:
        row = await self.row(
            """SELECT count(*) AS keys FROM api_keys
               WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)""",
            now=now,
        )
        return int(row["keys"]) if row is not None else 0

    async def add_api_key(self, key: ApiKey, key_hash: bytes) -> None:
        await self.run(
            """INSERT INTO api_keys (tenant_id, key_id, key_hash, prefix, name, role, created_by, created_at,
                                     expires_at)
               VALUES (:tenant_id, :key_id, :key_hash, :prefix, :name, :role, :created_by, :created_at, :expires_at)""",
            tenant_id=self.tenant_id,
            key_hash=key_hash,
            key_id=key.key_id,
            prefix=key.prefix,
            name=key.name,
            role=key.role,
            created_by=key.created_by,
            created_at=key.created_at,
            expires_at=key.expires_at,
        )

    async def api_keys(self, before: UUID | None, limit: int) -> list[ApiKey]:
        """Gives the tenant's keys, newest first, from the one before an id on."""
        rows = await self.rows(
            f"""SELECT {_COLUMNS} FROM api_keys
                WHERE CAST(:before AS uuid) IS NULL OR key_id < :before ORDER BY key_id DESC LIMIT :limit""",  # noqa: S608
            before=before,
            limit=limit,
        )
        return [ApiKey(**row) for row in rows]

    async def lock_api_key(self, key_id: UUID) -> ApiKey | None:
        """Gives a key and holds it until the transaction ends."""
        row = await self.row(
            f"SELECT {_COLUMNS} FROM api_keys WHERE key_id = :key_id FOR UPDATE",  # noqa: S608
            key_id=key_id,
        )
        return None if row is None else ApiKey(**row)

    async def end_api_key(self, key_id: UUID, now: datetime) -> None:
        await self.run("UPDATE api_keys SET revoked_at = :now WHERE key_id = :key_id", key_id=key_id, now=now)

    async def note_api_key_use(self, key_id: UUID, now: datetime, at_most_every: timedelta) -> None:
        """Records that a key was used, unless that was recorded a moment ago."""
        await self.run(
            """UPDATE api_keys SET last_used_at = :now
               WHERE key_id = :key_id AND (last_used_at IS NULL OR last_used_at <= :before)""",
            key_id=key_id,
            now=now,
            before=now - at_most_every,
        )
