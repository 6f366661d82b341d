"""Joins the parts of the server; the worker needs none of them, and so does not import them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from uuid import UUID

from atalaya.analytics.v1 import jobs_pb2_grpc as analytics_jobs_pb2_grpc
from atalaya.auth_calls import key_exchange, signing_keys
from atalaya.ingest.v1 import (
    access_pb2_grpc,
    accounts_pb2_grpc,
    comments_pb2_grpc,
    data_pb2_grpc,
    exports_pb2_grpc,
    records_pb2_grpc,
    sources_pb2_grpc,
    status_pb2_grpc,
)
from atalaya.ml.v1 import jobs_pb2_grpc as ml_jobs_pb2_grpc
from atalaya.policies import rpc_policies
from atalaya.tenancy.v1 import erasure_pb2_grpc
from service_parts.erasure_servicer import ErasureServicer
from service_runtime.client import open_channel
from service_runtime.database import Database
from service_runtime.erasure import TenantRows
from service_runtime.jobs import AuditOutbox, JobQueue, workers_alive
from service_runtime.lake import Lake, tenant_lake
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier

from ingest_service.access_store import AccessStore
from ingest_service.account_access import AccountAccess
from ingest_service.account_access_servicer import AccountAccessServicer
from ingest_service.account_store import AccountStore
from ingest_service.accounts import Accounts
from ingest_service.comment_store import CommentStore
from ingest_service.comments import Comments
from ingest_service.comments_servicer import CommentsServicer
from ingest_service.config import Settings
from ingest_service.data_servicer import DataServicer
from ingest_service.data_status import DataStatus
from ingest_service.data_status_servicer import DataStatusServicer
from ingest_service.erasure import Erasure
from ingest_service.export_store import ExportStore
from ingest_service.exports import Exports
from ingest_service.exports_servicer import ExportsServicer
from ingest_service.import_store import ImportStore
from ingest_service.imports import Imports
from ingest_service.jobs_servicer import JobsServicer
from ingest_service.lake_changes_store import LakeChanges
from ingest_service.new_id import new_id
from ingest_service.post_store import PostStore
from ingest_service.record_changes import RecordChanges
from ingest_service.record_row_store import RecordRowStore
from ingest_service.records import Records
from ingest_service.records_servicer import RecordsServicer
from ingest_service.replay_store import ReplayStore
from ingest_service.replays import Replays
from ingest_service.social_accounts_servicer import SocialAccountsServicer
from ingest_service.sources.allow_list import AllowList
from ingest_service.sources.sealing import KeyRing
from ingest_service.sources.source_store import SourceStore
from ingest_service.sources.sources import Sources
from ingest_service.sources.table_state_store import TableStateStore
from ingest_service.sources_servicer import SourcesServicer
from ingest_service.spool import Spool, open_spool
from ingest_service.status_store import StatusStore


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Parts:
    """What several of the rules are made of."""

    settings: Settings
    database: Database
    accounts: AccountStore
    lake_changes: LakeChanges
    open_lake: Callable[[UUID], Lake]
    outbox: AuditOutbox
    queue: JobQueue


async def build_server(settings: Settings, *, verifier: TokenVerifier | None = None) -> Server:
    """Joins the service's parts; `verifier` is for tests."""
    database, outbox = Database(settings.database_url), AuditOutbox("ingest")
    queue = JobQueue(database, "ingest", outbox, most_unfinished=settings.jobs_per_tenant)
    open_lake = lru_cache(256)(partial(tenant_lake, settings))
    parts = _Parts(settings, database, AccountStore(), LakeChanges(), open_lake, outbox, queue)
    spool = open_spool(settings.ingest_spool_folder)
    auth_channel = open_channel(settings.auth_address, settings)
    ml_channel = open_channel(settings.ml_address, settings)
    analytics_channel = open_channel(settings.analytics_address, settings)
    verifier = verifier or TokenVerifier(signing_keys(auth_channel), settings.jwt_issuer, settings.jwt_audience)
    exchange_key = key_exchange(auth_channel)
    server = Server(settings, policies=rpc_policies(), verifier=verifier, name="ingest", exchange_key=exchange_key)
    server.keep_answers(database)
    _add_accounts(server, parts)
    _add_records(server, parts)
    _add_data(server, parts, spool)
    ml_jobs = ml_jobs_pb2_grpc.JobsServiceStub(ml_channel)
    analytics_jobs = analytics_jobs_pb2_grpc.JobsServiceStub(analytics_channel)
    jobs = JobsServicer(queue, ml_jobs, analytics_jobs, server.pages)
    server.add(data_pb2_grpc.add_JobsServiceServicer_to_server, jobs)
    data_status = DataStatusServicer(DataStatus(database, parts.accounts, StatusStore(), queue))
    server.add(status_pb2_grpc.add_DataStatusServiceServicer_to_server, data_status)
    erasure = ErasureServicer(Erasure(TenantRows(database), open_lake, spool).erase)
    server.add(erasure_pb2_grpc.add_ErasureServiceServicer_to_server, erasure)
    server.add_check("database", database.ping)
    server.add_check("workers", workers_alive(database), critical=False)
    server.on_close(database.close)
    server.on_close(lambda: auth_channel.close(None))
    server.on_close(lambda: ml_channel.close(None))
    server.on_close(lambda: analytics_channel.close(None))
    return server


def _add_accounts(server: Server, parts: _Parts) -> None:
    """Adds the social accounts, and who may see them."""
    database, stored, outbox = parts.database, parts.accounts, parts.outbox
    accounts = SocialAccountsServicer(Accounts(database, stored, new_id, outbox, parts.lake_changes), server.pages)
    server.add(accounts_pb2_grpc.add_SocialAccountsServiceServicer_to_server, accounts)
    access = AccountAccessServicer(AccountAccess(database, stored, AccessStore(), outbox))
    server.add(access_pb2_grpc.add_AccountAccessServiceServicer_to_server, access)


def _add_records(server: Server, parts: _Parts) -> None:
    """Adds posts, readings and comments, one by one."""
    database, accounts = parts.database, parts.accounts
    records = Records(database, accounts, PostStore(database))
    changes = RecordChanges(database, accounts, RecordRowStore(), parts.lake_changes, parts.outbox)
    server.add(records_pb2_grpc.add_RecordsServiceServicer_to_server, RecordsServicer(records, changes))
    comments = CommentsServicer(Comments(database, accounts, CommentStore()), server.pages)
    server.add(comments_pb2_grpc.add_CommentsServiceServicer_to_server, comments)


def _add_data(server: Server, parts: _Parts, spool: Spool) -> None:
    """Adds what comes and goes by the table: imports, sources and exports."""
    settings, database, accounts, queue = parts.settings, parts.database, parts.accounts, parts.queue
    store = ImportStore(database)
    imports = Imports(database, store, accounts, queue, spool, parts.open_lake, new_id, settings.ingest_largest_file)
    replays = Replays(database, imports, store, ReplayStore(), queue, new_id)
    sources = Sources(
        database,
        SourceStore(),
        TableStateStore(),
        queue,
        parts.outbox,
        AllowList(settings.sources_allowed),
        KeyRing(settings.sources_encryption_keys),
        new_id,
        utc_now,
        settings.sources_per_tenant,
    )
    server.add(data_pb2_grpc.add_DataServiceServicer_to_server, DataServicer(imports, replays, sources, server.pages))
    server.add(sources_pb2_grpc.add_SourcesServiceServicer_to_server, SourcesServicer(sources, server.pages))
    exports = Exports(database, ExportStore(), accounts, queue, parts.outbox, parts.open_lake, new_id)
    server.add(exports_pb2_grpc.add_ExportsServiceServicer_to_server, ExportsServicer(exports))
