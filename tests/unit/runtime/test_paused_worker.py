"""A worker that is paused in the middle of a transaction holds up nobody who takes its job."""

import asyncio
from uuid import UUID

import pytest
from local_suite.postgres import EmbeddedPostgres
from service_runtime.database import Database, session_purpose
from service_runtime.errors import Unavailable
from service_runtime.jobs import JobQueue
from service_runtime.jobs.defer import TASK
from service_runtime.jobs.stalled import purpose_of, retake_stalled
from sqlalchemy import text
from support.postgres import database_for

pytestmark = pytest.mark.slow

WRITE = text("INSERT INTO notes (tenant_id, body) VALUES (:tenant_id, 'mine')")
LOCK = text("SELECT pg_advisory_xact_lock(7)")


async def test_the_transaction_of_a_paused_worker_ends_when_its_job_is_taken_again(
    postgres: EmbeddedPostgres, tenant_id: UUID
) -> None:
    database = Database(database_for("sample", package="support.sample_service").url)
    async with database.tenant_session(tenant_id) as session:
        job = await JobQueue(database, "sample").enqueue(
            session, tenant_id=tenant_id, kind="note", payload={}, requested_by=""
        )
    async with database.system_session() as session:
        # As where a worker has it of which nothing is heard.
        await session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    session_purpose.set(purpose_of(TASK, {"job_id": job.id.partition("/")[2]}))
    with pytest.raises(Unavailable):
        async with database.tenant_session(tenant_id) as paused:
            await paused.execute(LOCK)
            await paused.execute(WRITE, {"tenant_id": tenant_id})
            session_purpose.set("")
            await retake_stalled(database, ["sample"])
            async with asyncio.timeout(60), database.tenant_session(tenant_id) as other:
                await other.execute(LOCK)
    async with database.tenant_session(tenant_id) as session:
        assert (await session.execute(text("SELECT count(*) FROM notes"))).scalar_one() == 0
    await database.close()


def test_a_purpose_is_no_longer_than_postgres_keeps() -> None:
    job_id = "01920000-0000-7000-8000-000000000000"
    assert purpose_of(TASK, {"job_id": job_id}).endswith(job_id)
    assert len(purpose_of("a" * 70, {"tenant_id": job_id})) == 63
