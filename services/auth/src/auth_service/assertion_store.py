"""The assertions of services that were used and have not expired."""

from datetime import datetime, timedelta

from service_runtime.database import Session
from sqlalchemy import text

from auth_service.assertions import Assertion

_USE = text(
    """INSERT INTO service_assertions (service, jti, expires_at) VALUES (:service, :assertion_id, :expires_at)
       ON CONFLICT DO NOTHING RETURNING jti"""
)
# Another replica's clock may be behind.
_KEPT_LONGER = timedelta(minutes=1)
_FORGET = text("DELETE FROM service_assertions WHERE expires_at <= :before")


class AssertionRecords:
    """A transaction on used assertions, which belong to no tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def use(self, assertion: Assertion, now: datetime) -> bool:
        """Records a use; gives False where there was one before. What has expired is forgotten by the way."""
        used = (await self._session.execute(_USE, vars(assertion))).one_or_none()
        await self._session.execute(_FORGET, {"before": now - _KEPT_LONGER})
        return used is not None
