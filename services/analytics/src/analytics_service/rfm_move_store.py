"""The moves of customers between segments: told by sets, one version of a table against all that was known before."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from service_runtime.database import Database, Session, driver_of
from sqlalchemy import text

# Moves of a customer that are kept; its oldest go.
MOST_MOVES = 200

_MOVES = text(
    "SELECT as_of, segmento, rfm FROM rfm_moves WHERE id_cuenta = :id_cuenta ORDER BY number DESC LIMIT :most"
)
_STAGE = text("CREATE TEMPORARY TABLE rfm_now (id_cuenta text, segmento text, rfm text) ON COMMIT DROP")
_ANALYZE = text("ANALYZE rfm_now")
_RECORD = text(
    "WITH last AS (SELECT DISTINCT ON (id_cuenta) id_cuenta, number, segmento FROM rfm_moves "
    "WHERE tenant_id = :tenant_id ORDER BY id_cuenta, number DESC), "
    "moved AS (INSERT INTO rfm_moves (tenant_id, id_cuenta, number, as_of, segmento, rfm) "
    "SELECT :tenant_id, COALESCE(rfm_now.id_cuenta, last.id_cuenta), COALESCE(last.number, 0) + 1, :as_of, "
    "rfm_now.segmento, rfm_now.rfm FROM rfm_now FULL JOIN last ON last.id_cuenta = rfm_now.id_cuenta "
    "WHERE rfm_now.segmento IS DISTINCT FROM last.segmento RETURNING id_cuenta, number), "
    "forgotten AS (DELETE FROM rfm_moves USING moved WHERE rfm_moves.tenant_id = :tenant_id "
    "AND rfm_moves.id_cuenta = moved.id_cuenta AND rfm_moves.number <= moved.number - :most) "
    "SELECT count(*) FROM moved"
)


@dataclass(frozen=True)
class Move:
    """A move into a segment with those scores, or out of all where both are None."""

    as_of: date
    segmento: str | None
    rfm: str | None


class RfmMoveStore:
    """The table rfm_moves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def moves(self, tenant_id: UUID, id_cuenta: str) -> list[Move]:
        """A customer's moves, the newest first."""
        async with self._database.tenant_session(tenant_id) as session:
            rows = await session.execute(_MOVES, {"id_cuenta": id_cuenta, "most": MOST_MOVES})
            return [Move(row.as_of, row.segmento, row.rfm) for row in rows]

    async def record(
        self, session: Session, tenant_id: UUID, as_of: date, standing: AsyncIterator[list[tuple[str, str, str]]]
    ) -> int:
        """Writes who moved since the version before, and gives how many.

        `standing` tells (id, segment, scores) of everybody, some at a time.
        """
        await session.execute(_STAGE)
        driver = driver_of(session)
        # Row-level security lets no COPY into the table itself.
        async with driver.cursor() as cursor, cursor.copy("COPY rfm_now FROM STDIN") as copy:
            async for some in standing:
                for row in some:
                    await copy.write_row(row)
        await session.execute(_ANALYZE)
        moved = await session.execute(_RECORD, {"tenant_id": tenant_id, "as_of": as_of, "most": MOST_MOVES})
        return int(moved.scalar_one())
