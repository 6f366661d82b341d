"""What happened in a service, on its way to the trail: queued with its cause, so that neither is there without the
other, and delivered until it is taken."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from uuid6 import uuid7

from service_runtime.database import Session
from service_runtime.idempotency import note_effect
from service_runtime.jobs.defer import defer_task
from service_runtime.origin import current_origin
from service_runtime.request import current_request, read_request

TASK = "deliver_audit"
LONGEST_PAUSE_SECONDS = 300

# Takes the tenant and the event as JSON; raises where the trail did not take it. It must bear to be told twice.
Deliver = Callable[[UUID, Mapping[str, Any]], Awaitable[None]]


def audit_queue(service: str) -> str:
    """Names the queue of a service's events: a job that takes hours must not hold them up."""
    return f"{service}-audit"


class AuditOutbox:
    """Tells what happened, each time once, by an id that the event has from the beginning."""

    def __init__(self, service: str, *, clock: Callable[[], datetime] | None = None) -> None:
        self._service = service
        self._clock = clock or (lambda: datetime.now(UTC))

    async def record(
        self,
        session: Session,
        *,
        tenant_id: UUID,
        actor: str,
        action: str,
        resource: str = "",
        outcome: str = "OK",
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Queues an event in the session's transaction; `action` follows the service's name, as in `ingest.import`."""
        # Every change comes here in its transaction, so here a call with an idempotency key is known to have done it.
        await note_effect(session, resource)
        origin = current_origin()
        event = {
            "id": str(uuid7()),
            "time": self._clock().isoformat(),
            "actor": actor,
            "action": f"{self._service}.{action}",
            "resource": resource,
            "outcome": outcome,
            "ip": origin.source,
            "user_agent": origin.user_agent,
            "request_id": origin.request_id,
            "details": dict(details or {}),
        }
        # The tenant stands outside the event, as in every task: by it an erasure finds what is not delivered yet.
        args = {"tenant_id": str(tenant_id), "event": event}
        await defer_task(session, audit_queue(self._service), TASK, args)


class AuditDelivery:
    """The task that the queue calls; whatever it raises, it is called again after a pause."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver

    async def run(self, tenant_id: str, event: dict[str, Any]) -> None:
        request_id = str(event.get("request_id", ""))
        current_request.set(read_request(f"audit/{event['action']}", [("x-request-id", request_id)]))
        await self._deliver(UUID(tenant_id), event)


def pause_seconds(attempts: int) -> int:
    """Gives the pause after that many failed attempts: 1, 2, 4 … seconds up to five minutes, without an end."""
    # Nine doublings are beyond the longest, and later numbers would only grow.
    return min(1 << min(attempts, 9), LONGEST_PAUSE_SECONDS)
