"""The worker that runs imports and exports."""

from collections.abc import Callable
from uuid import UUID

from service_runtime.database import Database
from service_runtime.jobs import Worker
from service_runtime.lake import Lake, tenant_lake

from ingest_service.account_store import AccountStore
from ingest_service.audit_client import delivery
from ingest_service.config import Settings
from ingest_service.dataset_import import DatasetImport
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
from ingest_service.spool import Spool
from ingest_service.transaction_import import TransactionImport


def build_worker(settings: Settings, new_id: Callable[[], UUID]) -> Worker:
    """Joins the worker's parts."""
    database = Database(settings.database_url)
    spool = Spool(settings.ingest_spool_folder)
    spool.clean()
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
    job = ImportJob(database, imports, spool, open_lake, importers, settings.ingest_largest_file)
    exports = ExportStore()
    export_job = ExportJob(
        database, exports, ExportRowsStore(), AccountStore(), spool, open_lake, settings.export_hours
    )
    return Worker(
        settings,
        database,
        "ingest",
        {JOB_KIND: job.handle, EXPORT_KIND: export_job.handle},
        concurrency=settings.ingest_worker_concurrency,
        deliver=delivery(settings),
        side_tasks={
            LAKE_COPY: LakeFollower(database, changes, lake_copy, spool).follow,
            EXPIRE_EXPORTS: ExportExpiry(database, exports, open_lake).remove_expired,
        },
    )
