"""How much of a thing a tenant may have; kept to the last one, however many are asked for in the same moment."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import text

from service_runtime.database import Session
from service_runtime.errors import ResourceExhausted

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def keep_within(
    session: Session,
    count: Callable[[], Awaitable[int]],
    *,
    tenant_id: UUID,
    quota: str,
    limit: int,
    retry_after: int | None = None,
) -> None:
    """Returns where the tenant may have one more, and raises ResourceExhausted where not; a limit of 0 is none.

    Until the session's transaction ends, the tenant's others wait here: what `count` finds is what there is, and what
    is made in this transaction is counted by the next.
    """
    if limit <= 0:
        return
    await session.execute(_LOCK, {"name": f"quota:{quota}:{tenant_id}"})
    if await count() >= limit:
        raise quota_exceeded(quota, limit, retry_after=retry_after)


def quota_exceeded(quota: str, limit: int, *, retry_after: int | None = None) -> ResourceExhausted:
    """Makes the error that names the quota and its limit."""
    return ResourceExhausted(
        "QUOTA_EXCEEDED",
        f"Your company has reached its limit of {limit} {quota.replace('_', ' ')}.",
        retry_after=retry_after,
        quota=quota,
        limit=limit,
    )
