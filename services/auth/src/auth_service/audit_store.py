"""A tenant's audit trail: read, and added to by other services."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping

from auth_service.accounts import AuditEvent, Origin
from auth_service.transaction_store import Transaction


@dataclass(frozen=True)
class AuditQuery:
    """Which events: of an actor, of an action or of all that begin like it (with a dot at its end), of a time."""

    actor: str = ""
    action: str = ""
    start: datetime | None = None
    end: datetime | None = None


class AuditRecords(Transaction):
    """What a transaction that sees one tenant does with its trail."""

    async def audit_events(self, query: AuditQuery, before: UUID | None, limit: int) -> list[AuditEvent]:
        """Gives events, newest first, from the one before an id on."""
        conditions, values = _conditions(query, before)
        rows = await self.rows(
            f"""SELECT event_id, occurred_at, actor, action, resource, outcome, source, user_agent, request_id, details
                FROM audit_events WHERE {" AND ".join(conditions)} ORDER BY event_id DESC LIMIT :limit""",  # noqa: S608
            limit=limit,
            **values,
        )
        return [_event(row) for row in rows]

    async def hold_tenant(self) -> bool:
        """Tells whether the tenant is there, and keeps it from going until the transaction ends."""
        return await self.row("SELECT tenant_id FROM tenants FOR KEY SHARE") is not None


def _conditions(query: AuditQuery, before: UUID | None) -> tuple[list[str], Mapping[str, object]]:
    """Gives the conditions that are asked for alone, so that PostgreSQL sees which index serves them."""
    asked: list[tuple[str, str, object]] = [
        ("actor = :actor", "actor", query.actor or None),
        ("occurred_at >= :start", "start", query.start),
        ("occurred_at < :end", "end", query.end),
        ("event_id < :before", "before", before),
    ]
    if query.action.endswith("."):
        asked.append(("starts_with(action, :action)", "action", query.action))
    else:
        asked.append(("action = :action", "action", query.action or None))
    given = [(condition, name, value) for condition, name, value in asked if value is not None]
    return ["true", *(condition for condition, _, _ in given)], {name: value for _, name, value in given}


def _event(row: RowMapping) -> AuditEvent:
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
