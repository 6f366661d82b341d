"""The worker that runs imports and exports."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from atalaya import auth_calls
from service_runtime.audit_delivery import audit_delivery
from service_runtime.background import repeating
from service_runtime.database import Database
from service_runtime.jobs import AuditOutbox, EndedJobs, JobQueue, Worker
from service_runtime.lake import Lake, tenant_lake

from ingest_service.account_store import AccountStore
from ingest_service.clean_up import CleanUp, Retention
from ingest_service.clean_up_store import CLEAN_UP, CleanUpStore
from ingest_service.config import Settings
from ingest_service.dataset_import import DatasetImport
from ingest_service.ended_jobs_store import remove_ended
from ingest_service.export_expiry import ExportExpiry
from ingest_service.export_job import EXPIRE_EXPORTS, ExportJob
from ingest_service.export_rows_store import ExportRowsStore
from ingest_service.export_store import ExportStore
from ingest_service.exports import JOB_KIND as EXPORT_KIND
from ingest_service.import_job import Importer, ImportJob
from ingest_service.import_store import ImportStore
from ingest_service.imports import JOB_KIND
from ingest_service.lake_changes_store import LAKE_COPY, LakeChanges
from ingest_service.lake_copy import LakeCopy
from ingest_service.lake_follower import LakeFollower
from ingest_service.lake_store import LakeStore
from ingest_service.record_import import RecordImport
from ingest_service.replay_job import ReplayRows
from ingest_service.replay_store import ReplayStore
from ingest_service.sources.connecting import connect
from ingest_service.sources.scheduler import LOOK_SECONDS, Scheduler
from ingest_service.sources.source_run import SourceRun
from ingest_service.sources.source_store import SourceStore
from ingest_service.sources.sources import JOB_KIND as SOURCE_KIND
from ingest_service.sources.table_state_store import TableStateStore
from ingest_service.spool import open_spool
from ingest_service.transaction_import import TransactionImport


def build_worker(settings: Settings, new_id: Callable[[], UUID]) -> Worker:
    """Joins the worker's parts."""
    database = Database(settings.database_url)
    spool = open_spool(settings.ingest_spool_folder)
    imports = ImportStore(database)

    def open_lake(tenant_id: UUID) -> Lake:
        return tenant_lake(settings, tenant_id)

    changes = LakeChanges()
    lake_copy = LakeCopy(database, LakeStore(), open_lake)
    records = RecordImport(database, AccountStore(), imports, lake_copy, changes, spool, new_id)
    importers: dict[str, Importer] = {
        "posts": records,
        "metrics": records,
        "comments": records,
        "transactions": TransactionImport(database),
        "dataset": DatasetImport(database, imports),
    }
    replays = ReplayRows(database, imports, ReplayStore())
    job = ImportJob(database, imports, spool, open_lake, importers, replays, settings.ingest_largest_file)
    exports = ExportStore()
    export_job = ExportJob(
        database, exports, ExportRowsStore(), AccountStore(), spool, open_lake, settings.export_hours
    )
    retention = Retention(timedelta(days=settings.import_file_days), timedelta(days=settings.rejected_rows_days))
    # As long as something can be tried again or downloaded, its job can be looked up.
    days = max(settings.job_days, settings.import_file_days, settings.export_hours / 24)
    source_run = SourceRun(
        database, SourceStore(), TableStateStore(), AuditOutbox("ingest"), open_lake, spool, connect, settings
    )
    return Worker(
        settings,
        database,
        "ingest",
        {JOB_KIND: job.handle, EXPORT_KIND: export_job.handle, SOURCE_KIND: source_run.handle},
        concurrency=settings.ingest_worker_concurrency,
        deliver=audit_delivery(
            "ingest", settings, issue=auth_calls.service_token_issue, deliver=auth_calls.audit_delivery
        ),
        side_tasks={
            LAKE_COPY: LakeFollower(database, changes, lake_copy, spool).follow,
            EXPIRE_EXPORTS: ExportExpiry(database, exports, open_lake).remove_expired,
            CLEAN_UP: CleanUp(database, CleanUpStore(), open_lake, retention).clean,
        },
        ended_jobs=EndedJobs(database, days, remove_ended),
    )


@asynccontextmanager
async def build_scheduler(settings: Settings) -> AsyncIterator[Scheduler]:
    """Joins and starts what queues the sources that are due; it ends with the context."""
    database = Database(settings.database_url, pool_size=1)
    queue = JobQueue(database, "ingest", AuditOutbox("ingest"), most_unfinished=settings.jobs_per_tenant)
    scheduler = Scheduler(database, SourceStore(), queue)
    try:
        async with repeating("queueing of sources", scheduler.look, LOOK_SECONDS):
            yield scheduler
    finally:
        await database.close()
