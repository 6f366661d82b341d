"""Which old jobs of ingest nothing needs any more, in PostgreSQL: they go with their imports and exports."""

from service_runtime.database import Session
from sqlalchemy import text

# An export's file has its own time, and so have rejected rows, which the replays that tried them belong to. A replay
# goes before its import. What the state of the data tells of stays: a source's last run, an account's newest import.
_OLD = text(
    "SELECT id FROM jobs LEFT JOIN imports ON import_id = id "
    "WHERE finished_at < now() - make_interval(secs => 86400 * CAST(:days AS float8)) "
    "AND NOT EXISTS (SELECT FROM exports WHERE export_id = id AND expires_at IS NOT NULL AND NOT removed) "
    "AND NOT EXISTS (SELECT FROM sources WHERE last_job_id = id) "
    "AND NOT EXISTS (SELECT FROM source_rejections WHERE job_id = id) "
    "AND NOT EXISTS (SELECT FROM rejected_rows WHERE import_id = coalesce(imports.replay_of, id)) "
    "AND NOT EXISTS (SELECT FROM imports AS again WHERE again.replay_of = id) "
    "AND (import_id IS NULL OR request->>'account' = '' OR request->>'dry_run' <> 'false' OR status = 'CANCELLED' "
    "OR EXISTS (SELECT FROM imports AS newer JOIN jobs AS its ON its.id = newer.import_id "
    "WHERE newer.request->>'account' = imports.request->>'account' AND newer.request->>'dry_run' = 'false' "
    "AND newer.import_id > imports.import_id AND its.status IN ('SUCCEEDED', 'FAILED'))) "
    "LIMIT :most FOR UPDATE OF jobs SKIP LOCKED"
)
_REMOVE = (
    text("DELETE FROM imports WHERE import_id = ANY(:ids)"),
    text("DELETE FROM exports WHERE export_id = ANY(:ids)"),
    text("DELETE FROM jobs WHERE id = ANY(:ids)"),
)


async def remove_ended(session: Session, days: float, most: int) -> int:
    """Removes jobs of the session's tenant that ended so many days ago, so many at most; gives how many."""
    ids = list((await session.execute(_OLD, {"days": days, "most": most})).scalars())
    for statement in _REMOVE:
        await session.execute(statement, {"ids": ids})
    return len(ids)
