"""The analytics service: `python -m analytics_service serve | migrate | check-config`; without jobs, so no `work`."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from importlib.metadata import version

from atalaya.analytics.v1 import (
    insurance_activity_pb2_grpc,
    insurance_pb2_grpc,
    insurance_people_pb2_grpc,
    insurance_policies_pb2_grpc,
    rfm_pb2_grpc,
    system_pb2_grpc,
)
from atalaya.auth_calls import key_exchange, signing_keys
from atalaya.policies import rpc_policies
from atalaya.tenancy.v1 import erasure_pb2_grpc
from service_runtime.client import open_channel
from service_runtime.config import load_settings
from service_runtime.lake import lake_alive, tenant_lake
from service_runtime.server import Server, run_service
from service_runtime.token_verifier import TokenVerifier

from analytics_service.activity_servicer import InsuranceActivityServicer
from analytics_service.answers import Answers
from analytics_service.as_of import NewestTimes
from analytics_service.config import Settings
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.erasure import Erasure
from analytics_service.erasure_servicer import ErasureServicer
from analytics_service.health_client import SuiteHealthChecks
from analytics_service.insurance_servicer import InsuranceServicer
from analytics_service.kept_files import KeptFiles
from analytics_service.people_servicer import InsurancePeopleServicer
from analytics_service.policies_servicer import InsurancePoliciesServicer
from analytics_service.rfm import Rfm
from analytics_service.rfm_servicer import RfmServicer
from analytics_service.system_servicer import SystemServicer
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables


def utc_now() -> datetime:
    return datetime.now(UTC)


async def build_server(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, verifier: TokenVerifier | None = None
) -> Server:
    """Joins the service's parts; `clock` and `verifier` are for tests."""
    folder = settings.analytics_cache_folder.absolute()
    kept = KeptFiles(folder, settings.analytics_cache_bytes)
    engine = build_engine(settings)
    is_near = settings.atalaya_lake.startswith("file://")
    tables = Tables(lru_cache(256)(partial(tenant_lake, settings)), kept, TableParser(engine), is_near=is_near)
    times = NewestTimes(engine, clock)
    answers = Answers(tables, engine, times, settings.analytics_answers_kept)
    rfm = Rfm(tables, kept, engine, times)
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
    server.add(rfm_pb2_grpc.add_RfmServiceServicer_to_server, RfmServicer(rfm))
    erasure = ErasureServicer(Erasure(kept, answers, rfm))
    server.add(erasure_pb2_grpc.add_ErasureServiceServicer_to_server, erasure)
    # Health and status must answer when the lake is away, so it is not critical.
    server.add_check("lake", lake_alive(settings), critical=False)
    server.on_close(lambda: auth_channel.close(None))
    server.on_close(checks.close)
    server.on_close(engine.close)
    return server


def build_engine(settings: Settings) -> DuckDbEngine:
    return DuckDbEngine(
        settings.analytics_cache_folder.absolute(),
        memory_limit=settings.analytics_query_memory,
        threads=settings.analytics_query_threads,
        concurrency=settings.analytics_query_concurrency,
        timeout=settings.analytics_query_timeout_seconds,
    )


def addresses(settings: Settings) -> dict[str, str]:
    """Where the five services are, this one included: it asks itself as the others would."""
    return {
        "auth": settings.auth_address,
        "ingest": settings.ingest_address,
        "ml": settings.ml_address,
        "insights": settings.insights_address,
        "analytics": settings.analytics_address,
    }


async def serve(settings: Settings) -> None:
    server = await build_server(settings)
    await server.run()


def main() -> None:
    parser = argparse.ArgumentParser(prog="analytics_service", description=__doc__)
    parser.add_argument("command", choices=["serve", "migrate", "check-config"])
    command = parser.parse_args().command
    settings = load_settings(Settings)
    if command == "serve":
        run_service(serve(settings))
    elif command == "migrate":
        print("Analytics keeps no records: there is nothing to migrate.")
    else:
        print("The settings are valid.")


if __name__ == "__main__":
    main()
