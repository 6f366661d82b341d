"""What analytics erases of a tenant that leaves: rows, copies of its data, answers in memory, Athena's tables."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from service_runtime.erasure import TenantRows

from analytics_service.answers import Answers
from analytics_service.benefits import Benefits
from analytics_service.kept_files import KeptFiles
from analytics_service.rfm_tables import RfmTables


class Erasure:
    """Erases what the service and this process keep; each replica has a cache of its own, and so is asked by itself."""

    def __init__(
        self,
        rows: TenantRows,
        kept: KeptFiles,
        answers: Answers,
        tables: RfmTables,
        benefits: Benefits,
        erase_beside_lake: Callable[[UUID], Awaitable[int]],
    ) -> None:
        self._rows, self._kept = rows, kept
        self._answers, self._tables, self._benefits = answers, tables, benefits
        self._erase_beside_lake = erase_beside_lake

    async def erase(self, tenant_id: UUID) -> tuple[int, int]:
        """Gives how many rows and how many files there were."""
        self._answers.forget(tenant_id)
        # First, so that nothing is told behind the rows' end.
        await self._tables.forget(tenant_id)
        rows = await self._rows.erase(tenant_id)
        self._benefits.forget(tenant_id)
        return rows, self._kept.forget(str(tenant_id)) + await self._erase_beside_lake(tenant_id)
