"""What every transaction of auth can do: write the audit trail and count attempts."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from service_runtime.database import Session
from service_runtime.idempotency import note_effect

from auth_service.accounts import AuditEvent
from auth_service.attempts import Counter, Key, admit
from auth_service.statement_store import Row, Statements

EVENT_COLUMNS = """tenant_id, event_id, occurred_at, actor, action, resource, outcome, source, user_agent, request_id,
    details"""
EVENT_VALUES = """:tenant_id, :event_id, :occurred_at, :actor, :action, :resource, :outcome, :source, :user_agent,
    :request_id, CAST(:details AS jsonb)"""


class Transaction(Statements):
    """One transaction: counters of attempts, and the audit trail of the tenant that it is for."""

    def __init__(self, session: Session, tenant_id: UUID) -> None:
        super().__init__(session)
        self._session = session
        self.tenant_id = tenant_id

    async def add_audit_event(self, event: AuditEvent) -> None:
        """Adds an event; one of the same id stays as it is."""
        values = await self.event_values(event)
        await self.run(
            f"INSERT INTO audit_events ({EVENT_COLUMNS}) VALUES ({EVENT_VALUES}) ON CONFLICT DO NOTHING",  # noqa: S608
            **values,
        )

    async def event_values(self, event: AuditEvent) -> Row:
        """Gives the values of EVENT_VALUES for a statement that adds an event among other things."""
        # Every change comes here in its transaction, so here a call with an idempotency key is known to have done it.
        await note_effect(self._session, event.resource)
        return {
            "tenant_id": self.tenant_id,
            "event_id": event.event_id,
            "occurred_at": event.time,
            "actor": event.actor,
            "action": event.action,
            "resource": event.resource,
            "outcome": event.outcome,
            "source": event.origin.source,
            "user_agent": event.origin.user_agent,
            "request_id": event.origin.request_id,
            "details": json.dumps(event.details),
        }

    async def counters(self, keys: Sequence[Key]) -> dict[bytes, Counter]:
        """Gives the counters that there are, for who only asks whether there is a wait."""
        rows = await self.rows(
            """SELECT attempt_key, failures, since, blocked_until FROM login_attempts
               WHERE attempt_key = ANY(:digests)""",
            digests=[key.digest for key in keys],
        )
        return {row["attempt_key"]: _counter(row) for row in rows}

    async def count_attempt(self, keys: Sequence[Key], now: datetime) -> None:
        """Counts an attempt under every key; raises TOO_MANY_ATTEMPTS where one of them has to wait."""
        await self._save_counters(admit(keys, await self.lock_counters(keys, now), now))

    async def lock_counters(self, keys: Sequence[Key], now: datetime) -> dict[bytes, Counter]:
        """Gives the counters and holds them until the transaction ends, so that parallel attempts queue."""
        if not keys:
            return {}
        rows = await self.rows(
            # In one order for everybody, or two transactions could wait for each other.
            """INSERT INTO login_attempts (attempt_key, kind, failures, since)
               SELECT digest, kind, 0, :now
               FROM unnest(CAST(:digests AS bytea[]), CAST(:kinds AS text[])) AS tried (digest, kind) ORDER BY digest
               ON CONFLICT (attempt_key) DO UPDATE SET kind = excluded.kind
               RETURNING attempt_key, failures, since, blocked_until""",
            digests=[key.digest for key in keys],
            kinds=[key.kind for key in keys],
            now=now,
        )
        return {row["attempt_key"]: _counter(row) for row in rows}

    async def _save_counters(self, counters: Mapping[bytes, Counter]) -> None:
        if counters:
            await self.run(
                """UPDATE login_attempts
                   SET failures = counted.failures, since = counted.since, blocked_until = counted.blocked_until
                   FROM unnest(CAST(:digests AS bytea[]), CAST(:failures AS integer[]),
                               CAST(:since AS timestamptz[]), CAST(:blocked_until AS timestamptz[]))
                        AS counted (digest, failures, since, blocked_until)
                   WHERE attempt_key = digest""",
                digests=list(counters),
                failures=[counter.failures for counter in counters.values()],
                since=[counter.since for counter in counters.values()],
                blocked_until=[counter.blocked_until for counter in counters.values()],
            )

    async def forgive(self, ended: Sequence[Key], uncounted: Sequence[Key]) -> None:
        """Lets a success end the counting of failures in a row, and takes one attempt back where that is not ended.

        A wait that others earned stays. Keys without a counter change nothing.
        """
        keys = [*ended, *uncounted]
        if not keys:
            return
        await self.run(
            # Held in the order in which attempts hold them, or a success and an attempt could wait for each other.
            """WITH held AS MATERIALIZED (
                   SELECT attempt_key FROM login_attempts WHERE attempt_key = ANY(:digests)
                   ORDER BY attempt_key FOR UPDATE),
               ended AS (
                   DELETE FROM login_attempts USING held
                   WHERE login_attempts.attempt_key = held.attempt_key AND held.attempt_key = ANY(:ended))
               UPDATE login_attempts
               SET failures = greatest(failures - 1, 0),
                   blocked_until = CASE WHEN failures - 1 < free THEN NULL ELSE blocked_until END
               FROM held JOIN unnest(CAST(:digests AS bytea[]), CAST(:free AS integer[])) AS counted (digest, free)
                        ON attempt_key = digest
               WHERE login_attempts.attempt_key = held.attempt_key AND NOT held.attempt_key = ANY(:ended)""",
            digests=[key.digest for key in keys],
            free=[key.limit.free for key in keys],
            ended=[key.digest for key in ended],
        )

    @property
    def session(self) -> Session:
        """The database's session, for the queue of jobs: it writes in the transaction of a job's cause."""
        return self._session


def _counter(row: Row) -> Counter:
    return Counter(row["failures"], row["since"], row["blocked_until"])
