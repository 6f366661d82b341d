"""How fresh a tenant's data are, out of PostgreSQL."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service_runtime.database import Session
from sqlalchemy import text

# What an earlier release has noted has no time; it lacks something since now at least.
_LAGS = text(
    "SELECT id_usuario, extract(epoch FROM clock_timestamp() - min(coalesce(stale_since, now()))) "
    "FROM lake_partitions WHERE copied < changed GROUP BY id_usuario"
)
_LAST_IMPORTS = text(
    "SELECT DISTINCT ON (request->>'account') request->>'account' AS account, import_id, status, error "
    "FROM imports JOIN jobs ON jobs.id = imports.import_id WHERE request->>'account' <> '' "
    "AND request->>'dry_run' = 'false' AND status IN ('SUCCEEDED', 'FAILED') "
    "ORDER BY request->>'account', import_id DESC"
)
_SOURCES = text(
    "SELECT name, last_run_at, coalesce(rows_read, 0) AS rows, coalesce(status, '') AS status, "
    "coalesce(error, '') AS error FROM sources LEFT JOIN jobs ON jobs.id = sources.last_job_id ORDER BY name"
)


@dataclass(frozen=True)
class LastImport:
    """The newest import into an account that came to an end."""

    account: str
    import_id: UUID
    status: str
    error: str


@dataclass(frozen=True)
class LastRun:
    """A source, and the job of its last run; `status` is empty where it never ran."""

    name: str
    last_run_at: datetime | None
    rows: int
    status: str
    error: str


class StatusStore:
    """Reads of the session's tenant."""

    async def lags(self, session: Session) -> dict[int, float]:
        """Gives the seconds for which the lake has lacked something, by the account's number, where it does."""
        return {int(number): float(seconds) for number, seconds in await session.execute(_LAGS)}

    async def last_imports(self, session: Session) -> list[LastImport]:
        """Gives an account's newest import, once for each way in which its name was written."""
        return [LastImport(**row) for row in (await session.execute(_LAST_IMPORTS)).mappings()]

    async def sources(self, session: Session) -> list[LastRun]:
        return [LastRun(**row) for row in (await session.execute(_SOURCES)).mappings()]
