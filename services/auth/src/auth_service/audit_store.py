"""A tenant's audit trail: read, and added to by other services."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth_service.accounts import AuditEvent, Origin
from auth_service.statement_store import Row
from auth_service.transaction_store import Transaction

# Where an event stands among the others of its tenant: its time, and its id among those of the same time.
Place = tuple[datetime, UUID]


@dataclass(frozen=True)
class AuditQuery:
    """Which events: of an actor, of an action or of all that begin like it (with a dot at its end), of a time."""

    actor: str = ""
    action: str = ""
    start: datetime | None = None
    end: datetime | None = None


class AuditRecords(Transaction):
    """What a transaction that sees one tenant does with its trail."""

    async def audit_events(self, query: AuditQuery, before: Place | None, limit: int) -> list[AuditEvent]:
        """Gives events, newest first, from the one before a place on."""
        conditions = _conditions(query, before)
        rows = await self.rows(
            f"""SELECT event_id, occurred_at, actor, action, resource, outcome, source, user_agent, request_id, details
                FROM audit_events WHERE {" AND ".join(conditions)} ORDER BY occurred_at DESC, event_id DESC
                LIMIT :limit""",  # noqa: S608
            tenant_id=self.tenant_id,
            limit=limit,
            **{name: value for values in conditions.values() for name, value in values.items()},
        )
        return [_event(row) for row in rows]

    async def hold_tenant(self) -> bool:
        """Tells whether the tenant is there, and keeps it from going until the transaction ends."""
        return await self.row("SELECT tenant_id FROM tenants FOR KEY SHARE") is not None


def _conditions(query: AuditQuery, before: Place | None) -> Mapping[str, Mapping[str, object]]:
    """Gives the conditions that are asked for, and no others, so that PostgreSQL sees which index serves them."""
    asked: dict[str, Mapping[str, object]] = {"tenant_id = :tenant_id": {}}
    if query.actor:
        asked["actor = :actor"] = {"actor": query.actor}
    if query.action.endswith("."):
        # A slash comes next after a dot. Comparing is what an index can do for rows that the caller may see.
        beyond = query.action[:-1] + "/"
        asked['action COLLATE "C" >= :action AND action COLLATE "C" < :beyond'] = {
            "action": query.action,
            "beyond": beyond,
        }
    elif query.action:
        asked['action COLLATE "C" = :action'] = {"action": query.action}
    if query.start is not None:
        asked["occurred_at >= :start"] = {"start": query.start}
    if query.end is not None:
        asked["occurred_at < :end"] = {"end": query.end}
    if before is not None:
        asked["(occurred_at, event_id) < (:last_time, :last_id)"] = {"last_time": before[0], "last_id": before[1]}
    return asked


def _event(row: Row) -> AuditEvent:
    return AuditEvent(
        event_id=row["event_id"],
        time=row["occurred_at"],
        action=row["action"],
        outcome=row["outcome"],
        origin=Origin(row["source"], row["user_agent"], row["request_id"]),
        actor=row["actor"],
        resource=row["resource"],
        details=row["details"],
    )
