"""The worker that keeps RFM tables and their history up to date."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from atalaya import auth_calls
from service_runtime.audit_delivery import audit_delivery
from service_runtime.background import repeating
from service_runtime.database import Database
from service_runtime.jobs import EndedJobs, JobQueue, Worker
from service_runtime.lake import tenant_lake

from analytics_service.config import Settings
from analytics_service.lake_files import LakeFiles
from analytics_service.rfm_clock import RfmClock
from analytics_service.rfm_job import RfmJob
from analytics_service.rfm_move_store import RfmMoveStore
from analytics_service.rfm_publishing import REFRESH, RfmPublishing
from analytics_service.rfm_scoring import find_purchases
from analytics_service.rfm_table_store import RfmTableStore
from analytics_service.rfm_workshop import Workshop


def build_worker(settings: Settings, clock: Callable[[], datetime]) -> Worker:
    """Joins the worker's parts; one table at a time, since it takes the memory that queries may take."""
    database = Database(settings.database_url)
    store = RfmTableStore(database)
    publishing = RfmPublishing(database, store, JobQueue(database, "analytics"))
    job = RfmJob(database, store, RfmMoveStore(database), publishing, Workshop(settings, clock).make_newer)
    deliver = audit_delivery(
        "analytics", settings, issue=auth_calls.service_token_issue, deliver=auth_calls.audit_delivery
    )
    ended_jobs = EndedJobs(database, settings.job_days)
    return Worker(settings, database, "analytics", {REFRESH: job.refresh}, deliver=deliver, ended_jobs=ended_jobs)


@asynccontextmanager
async def rfm_clock(settings: Settings, clock: Callable[[], datetime]) -> AsyncIterator[RfmClock]:
    """Joins and starts what looks for new purchases; it ends with the context."""
    database = Database(settings.database_url, pool_size=1)
    store = RfmTableStore(database)
    publishing = RfmPublishing(database, store, JobQueue(database, "analytics"))

    lake = LakeFiles(partial(tenant_lake, settings), is_near=False)

    async def version_of(tenant_id: UUID) -> str:
        return (await find_purchases(lake.listed, tenant_id)).version

    def now() -> datetime:
        return clock().astimezone(UTC).replace(tzinfo=None)

    looking, seconds = RfmClock(store, publishing, version_of, now), settings.analytics_rfm_look_seconds
    looks = repeating("looking for purchases", looking.look, seconds, at_once=False) if seconds else nullcontext()
    try:
        async with looks:
            yield looking
    finally:
        lake.close()
        await database.close()
