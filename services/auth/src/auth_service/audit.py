"""The trail of who did what, from where, and how it ended."""

from collections.abc import Callable
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from auth_service.accounts import AuditEvent, Origin
from auth_service.transaction_store import Transaction

OK = "OK"
FAILED = "FAILED"


class _More(TypedDict, total=False):
    """What an event may tell besides."""

    actor: str
    resource: str
    details: dict[str, str]


class AuditTrail:
    """Writes events into the transaction of what they tell of, so that neither is there without the other."""

    def __init__(self, *, clock: Callable[[], datetime], new_id: Callable[[], UUID]) -> None:
        self._clock = clock
        self._new_id = new_id

    def event(self, action: str, outcome: str, origin: Origin, **more: Unpack[_More]) -> AuditEvent:
        """Gives an event of now, for who writes it together with what it tells of."""
        return AuditEvent(self._new_id(), self._clock(), action, outcome, origin, **more)

    async def record(
        self, transaction: Transaction, action: str, outcome: str, origin: Origin, **more: Unpack[_More]
    ) -> None:
        await transaction.add_audit_event(self.event(action, outcome, origin, **more))
