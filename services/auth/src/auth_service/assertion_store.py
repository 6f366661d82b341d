"""The assertions of services that were used and have not expired."""

from datetime import datetime, timedelta

from auth_service.assertions import Assertion
from auth_service.statement_store import Statements

# Another replica's clock may be behind.
_KEPT_LONGER = timedelta(minutes=1)


class AssertionRecords(Statements):
    """A transaction on used assertions, which belong to no tenant."""

    async def use(self, assertion: Assertion, now: datetime) -> bool:
        """Records a use; gives False where there was one before. What has expired is forgotten by the way."""
        used = await self.row(
            """INSERT INTO service_assertions (service, jti, expires_at) VALUES (:service, :assertion_id, :expires_at)
               ON CONFLICT DO NOTHING RETURNING jti""",
            **vars(assertion),
        )
        await self.run("DELETE FROM service_assertions WHERE expires_at <= :before", before=now - _KEPT_LONGER)
        return used is not None
