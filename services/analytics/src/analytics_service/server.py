"""Joins the parts of the server."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from importlib.metadata import version

from atalaya.analytics.v1 import (
    insurance_activity_pb2_grpc,
    insurance_pb2_grpc,
    insurance_people_pb2_grpc,
    insurance_policies_pb2_grpc,
    jobs_pb2_grpc,
    rfm_pb2_grpc,
    system_pb2_grpc,
)
from atalaya.auth_calls import key_exchange, signing_keys
from atalaya.policies import rpc_policies
from atalaya.tenancy.v1 import erasure_pb2_grpc
from service_parts.erasure_servicer import ErasureServicer
from service_runtime.client import open_channel
from service_runtime.database import Database
from service_runtime.erasure import TenantRows
from service_runtime.jobs import AuditOutbox, JobQueue, workers_alive
from service_runtime.lake import lake_alive, tenant_lake
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier

from analytics_service.activity_servicer import InsuranceActivityServicer
from analytics_service.answers import Answers
from analytics_service.as_of import NewestTimes
from analytics_service.benefits import Benefits
from analytics_service.config import Settings
from analytics_service.engines import build_engines
from analytics_service.erasure import Erasure
from analytics_service.health_client import SuiteHealthChecks
from analytics_service.insurance_servicer import InsuranceServicer
from analytics_service.jobs_servicer import JobsServicer
from analytics_service.kept_files import KeptFiles
from analytics_service.look_ups import LookUps
from analytics_service.people_servicer import InsurancePeopleServicer
from analytics_service.policies_servicer import InsurancePoliciesServicer
from analytics_service.rfm import Rfm
from analytics_service.rfm_move_store import RfmMoveStore
from analytics_service.rfm_publishing import RfmPublishing
from analytics_service.rfm_scoring import Scoring
from analytics_service.rfm_servicer import RfmServicer
from analytics_service.rfm_table_store import RfmTableStore
from analytics_service.rfm_tables import RfmTables
from analytics_service.system_servicer import SystemServicer
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables


async def build_server(
    settings: Settings, clock: Callable[[], datetime], *, verifier: TokenVerifier | None = None
) -> Server:
    """Joins the service's parts; `verifier` is for tests."""
    folder = settings.analytics_cache_folder.absolute()
    try:
        kept = KeptFiles(folder, settings.analytics_cache_bytes)
    except OSError as error:
        raise SystemExit(f"ANALYTICS_CACHE_FOLDER cannot be used: {folder}: {error.strerror}.") from error
    lake_of = lru_cache(256)(partial(tenant_lake, settings))
    engines = build_engines(settings, folder, lake_of)
    is_near = settings.atalaya_lake.startswith("file://")
    tables = Tables(lake_of, kept, TableParser(engines.near), is_near=is_near)
    times = NewestTimes(engines.reports, clock)
    # What is kept lies on this machine.
    look_ups = LookUps(engines.near, kept) if engines.reports is engines.near else None
    most, largest = settings.analytics_answers_bytes, settings.max_message_bytes
    answers = Answers(tables, engines.reports, times, most, look_ups, largest_reply=largest)
    database = Database(settings.database_url)
    jobs, audit = JobQueue(database, "analytics"), AuditOutbox("analytics")
    scoring = Scoring(tables, engines.reports, engines.near, clock)
    rfm_tables = RfmTables(scoring, kept, RfmPublishing(database, RfmTableStore(database), jobs))
    benefits = Benefits(database, settings.database_url, audit)
    checks = SuiteHealthChecks(addresses(settings), settings.analytics_health_timeout_seconds)

    auth_channel = open_channel(settings.auth_address, settings)
    verifier = verifier or TokenVerifier(signing_keys(auth_channel), settings.jwt_issuer, settings.jwt_audience)
    server = Server(
        settings, policies=rpc_policies(), verifier=verifier, name="analytics", exchange_key=key_exchange(auth_channel)
    )
    data_source = "Local lake" if is_near else "S3 Bucket"
    system = SystemServicer(checks, tables, version=version("analytics-service"), data_source=data_source, clock=clock)
    server.add(system_pb2_grpc.add_SystemServiceServicer_to_server, system)
    server.add(insurance_pb2_grpc.add_InsuranceServiceServicer_to_server, InsuranceServicer(answers))
    people = InsurancePeopleServicer(answers)
    server.add(insurance_people_pb2_grpc.add_InsurancePeopleServiceServicer_to_server, people)
    policies = InsurancePoliciesServicer(answers)
    server.add(insurance_policies_pb2_grpc.add_InsurancePoliciesServiceServicer_to_server, policies)
    server.add(
        insurance_activity_pb2_grpc.add_InsuranceActivityServiceServicer_to_server, InsuranceActivityServicer(answers)
    )
    rfm = Rfm(rfm_tables, RfmMoveStore(database), scoring)
    server.add(rfm_pb2_grpc.add_RfmServiceServicer_to_server, RfmServicer(rfm, benefits))
    server.add(jobs_pb2_grpc.add_JobsServiceServicer_to_server, JobsServicer(jobs))
    erasure = ErasureServicer(Erasure(TenantRows(database), kept, answers, rfm_tables, benefits, engines.erase).erase)
    server.add(erasure_pb2_grpc.add_ErasureServiceServicer_to_server, erasure)
    # Health, status and most reports must answer when one of these is away, so none is critical.
    server.add_check("database", database.ping, critical=False)
    server.add_check("workers", workers_alive(database), critical=False)
    server.add_check("lake", lake_alive(settings), critical=False)
    # The last added is closed first.
    server.on_close(database.close)
    server.on_close(lambda: auth_channel.close(None))
    server.on_close(checks.close)
    server.on_close(engines.close)
    server.on_close(tables.close)
    server.on_close(benefits.close)
    server.on_close(rfm_tables.close)
    return server


def addresses(settings: Settings) -> dict[str, str]:
    """Where the five services are, this one included: it asks itself as the others would."""
    return {
        "auth": settings.auth_address,
        "ingest": settings.ingest_address,
        "ml": settings.ml_address,
        "insights": settings.insights_address,
        "analytics": settings.analytics_address,
    }
