"""Numbers of accounts, posts and metrics: int32, without gaps to speak of, unique in the tenant."""

from uuid import UUID

from service_runtime.database import Session
from service_runtime.errors import ResourceExhausted
from sqlalchemy import text

_LARGEST = 2**31 - 1
_TAKE = text(
    "INSERT INTO counters (tenant_id, name, value) VALUES (:tenant_id, :name, :count) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET value = counters.value + :count "
    "WHERE counters.value <= :largest - :count RETURNING value"
)


async def take_numbers(session: Session, tenant_id: UUID, name: str, count: int) -> int:
    """Takes the next `count` numbers and gives the one before them; others of the tenant wait for the session's end.

    A count of 0 only makes them wait.
    """
    values = {"tenant_id": tenant_id, "name": name, "count": count, "largest": _LARGEST}
    highest = (await session.execute(_TAKE, values)).scalar_one_or_none()
    if highest is None:
        raise ResourceExhausted("NO_NUMBERS_LEFT", f"The tenant has no numbers left for {name}.")
    return int(highest) - count
