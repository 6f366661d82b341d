"""A worker of ml removes jobs whose time is over."""

import asyncio
from uuid import uuid4

from ml_service.__main__ import build_worker
from ml_service.config import Settings
from ml_service.renewal import Renewal
from service_runtime.database import Database
from service_runtime.jobs import JobQueue
from sqlalchemy import text
from support.postgres import database_for

ENDED = text("UPDATE jobs SET status = 'FAILED', finished_at = now() - interval '91 days' WHERE tenant_id = :tenant_id")


async def test_jobs_go_when_their_time_is_over(ml_settings: Settings) -> None:
    settings = ml_settings.model_copy(update={"database_url": database_for("ml").url, "drain_seconds": 0})
    database, tenant_id = Database(settings.database_url), uuid4()
    queue = JobQueue(database, "ml")
    async with database.tenant_session(tenant_id) as session:
        await queue.enqueue(session, tenant_id=tenant_id, kind="train", payload={}, requested_by="")
        await session.execute(ENDED, {"tenant_id": tenant_id})
        await session.execute(text("DELETE FROM procrastinate_jobs"))
    worker = build_worker(settings, Renewal(0))
    working = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(60):
            while await queue.list(tenant_id, limit=1):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        worker.stop()
        await asyncio.wait_for(working, 60)
        await database.close()
