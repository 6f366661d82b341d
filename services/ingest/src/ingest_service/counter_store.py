"""Numbers of accounts, posts and metrics: int32, without gaps to speak of, unique in the tenant."""

from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.errors import ResourceExhausted
from sqlalchemy import text

_LARGEST = 2**31 - 1
_TAKE = text(
    "INSERT INTO counters (tenant_id, name, value) VALUES (:tenant_id, :name, :count) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET value = counters.value + :count "
    "WHERE counters.value <= :largest - :count RETURNING value"
)
# Beside the counter's row: an import holds this one to its end, and the row only for a moment.
_IMPORT_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 4717))")


async def take_import_turn(session: Session, tenant_id: UUID, name: str) -> None:
    """Waits for the imports of a tenant's kind of records, and lets none begin until the session's end.

    Single changes go on meanwhile. Who takes the counter's row too, takes it after this.
    """
    await session.execute(_IMPORT_TURN, {"name": f"{tenant_id}/{name}"})


async def take_numbers(session: Session, tenant_id: UUID, name: str, count: int) -> int:
    """Takes the next `count` numbers and gives the one before them; others of the tenant wait for the session's end.

    A count of 0 only makes them wait.
    """
    values = {"tenant_id": tenant_id, "name": name, "count": count, "largest": _LARGEST}
    highest = (await session.execute(_TAKE, values)).scalar_one_or_none()
    if highest is None:
        raise ResourceExhausted("NO_NUMBERS_LEFT", f"The tenant has no numbers left for {name}.")
    return int(highest) - count


class ImportNumbers:
    """Numbers for the rows of an import, taken in transactions of their own, so that nobody waits for the import's end.

    Those of an import that comes to nothing are not given again; a trial's are below zero and nobody's.
    """

    def __init__(self, database: Database, tenant_id: UUID, name: str, *, trial: bool) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._name = name
        self._next_of_trial = -_LARGEST - 1 if trial else None
        # First and last number of what was taken, one after the other.
        self.ranges: list[tuple[int, int]] = []

    async def take(self, count: int) -> int:
        """Takes the next `count` numbers and gives the one before them."""
        if self._next_of_trial is not None:
            before = self._next_of_trial - 1
            self._next_of_trial += count
        else:
            # It need not wait for the disk, on which all that the import has written so far would have to be first:
            # whatever uses the numbers comes there after this, or not at all.
            async with self._database.tenant_session(self._tenant_id, waits_for_disk=False) as session:
                before = await take_numbers(session, self._tenant_id, self._name, count)
        if self.ranges and self.ranges[-1][1] == before:
            self.ranges[-1] = (self.ranges[-1][0], before + count)
        else:
            self.ranges.append((before + 1, before + count))
        return before
