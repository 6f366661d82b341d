"""The whole service on Athena: the same replies as on DuckDB, with what they cost in their headers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from analytics_service.server import build_server
from atalaya.analytics.v1 import insurance_pb2, insurance_pb2_grpc, rfm_pb2, rfm_pb2_grpc
from service_runtime.lake import tenant_lake
from support.analytics_running import NOW
from support.athena_backends import DuckDbBackend
from support.athena_running import athena_settings
from support.athena_server import AthenaServer
from support.insurance_data import insurance_files, transaction_files
from support.leaving import erase
from support.postgres import ServiceDatabase
from support.running import running, socket_address
from support.tokens import TestIssuer

pytestmark = pytest.mark.slow


@asynccontextmanager
async def served(
    folder: Path, athena: AthenaServer, issuer: TestIssuer, database: ServiceDatabase, tenant_id: UUID, **settings: Any
) -> AsyncIterator[grpc.aio.Channel]:
    """The service with one tenant's data in a lake of its own."""
    nobody = f"unix:{folder}/nobody"
    others = {f"{name}_address": nobody for name in ("auth", "ingest", "ml", "insights")}
    async with socket_address() as address:
        chosen = athena_settings(
            folder, athena, listen_address=address, database_url=database.url, drain_seconds=0, **others, **settings
        )
        lake = tenant_lake(chosen, tenant_id)
        for path, content in (insurance_files(7, dirty=True) | transaction_files(7)).items():
            lake.put_bytes(content, path)
        async with running(await build_server(chosen, lambda: NOW, verifier=issuer.verifier())) as channel:
            yield channel


async def replies(channel: grpc.aio.Channel, metadata: Any) -> tuple[list[Any], dict[str, str]]:
    """What the service answers, and the headers of its first report."""
    insurance, rfm = insurance_pb2_grpc.InsuranceServiceStub(channel), rfm_pb2_grpc.RfmServiceStub(channel)
    call = insurance.GetCustomerJourney(insurance_pb2.GetCustomerJourneyRequest(), metadata=metadata)
    answers = [
        await call,
        await insurance.GetClaimStats(insurance_pb2.GetClaimStatsRequest(), metadata=metadata),
        await rfm.ListSegments(rfm_pb2.ListSegmentsRequest(), metadata=metadata),
    ]
    return answers, {str(name): str(value) for name, value in await call.initial_metadata()}


async def test_replies_are_those_of_duckdb_and_tell_their_cost(
    tmp_path: Path, issuer: TestIssuer, analytics_database: ServiceDatabase
) -> None:
    athena = AthenaServer(DuckDbBackend())
    near, far = uuid4(), uuid4()
    place: Any = {"issuer": issuer, "database": analytics_database, "athena": athena}
    async with served(tmp_path / "near", tenant_id=near, query_engine="duckdb", **place) as channel:
        expected, without_cost = await replies(channel, issuer.bearer(near, "viewer"))
    assert athena.runs == []
    async with served(tmp_path / "far", tenant_id=far, **place) as channel:
        given, headers = await replies(channel, issuer.bearer(far, "viewer"))
        # One for the time and one for the report, for the claims, and for RFM's time and table.
        assert len(athena.runs) == 5
        _, again = await replies(channel, issuer.bearer(far, "viewer"))
        assert len(athena.runs) == 5
        assert (await erase(channel, issuer, far, "analytics")).objects > 5
    athena.close()
    assert given == expected
    scanned = sum(run.result.bytes_scanned for run in athena.runs[:2] if run.result)
    assert int(headers["x-query-bytes-scanned"]) == scanned > 0
    assert {name for name in (*without_cost, *again) if name.startswith("x-query")} == set()
