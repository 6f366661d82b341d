"""The suite as a whole."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from atalaya.analytics.v1 import system_pb2, system_pb2_grpc
from service_parts.times import timestamp
from service_runtime.errors import ServiceError
from service_runtime.identity import caller, optional_caller

from analytics_service.health_client import SuiteHealthChecks
from analytics_service.lake_contents import DatasetFiles, lake_contents
from analytics_service.routes import routes
from analytics_service.tables import Tables

_DATABASES = ("mysql", "postgresql", "cassandra")


class SystemServicer(system_pb2_grpc.SystemServiceServicer):
    """Answers SystemService from the health of the suite and the caller's lake."""

    def __init__(
        self,
        checks: SuiteHealthChecks,
        tables: Tables,
        *,
        version: str,
        data_source: str,
        clock: Callable[[], datetime],
        patience_seconds: float = 2.0,
    ) -> None:
        self._checks, self._tables = checks, tables
        self._version, self._data_source, self._clock = version, data_source, clock
        # With the lake, when the suite's health is asked.
        self._patience = patience_seconds

    async def GetRoot(self, request: system_pb2.GetRootRequest, context: Any) -> system_pb2.GetRootResponse:
        return system_pb2.GetRootResponse(
            message="Welcome to Atalaya",
            version=self._version,
            status="OK",
            data_source=self._data_source,
            available_databases=["MySQL", "PostgreSQL", "Cassandra"],
            docs="/docs",
        )

    async def GetHealth(self, request: system_pb2.GetHealthRequest, context: Any) -> system_pb2.GetHealthResponse:
        health = await self._checks.check()
        reply = system_pb2.GetHealthResponse(
            status="OK" if health.is_good else "DEGRADED",
            timestamp=timestamp(self._clock()),
            version=self._version,
            database=_word(health.dependencies["database"]),
            redis=_word(health.dependencies["redis"]),
            celery=_word(health.dependencies["workers"]),
            workers=_word(health.dependencies["workers"]),
            lake=_word(health.dependencies["lake"]),
        )
        identity = optional_caller()
        if identity is not None:
            try:
                async with asyncio.timeout(self._patience):
                    contents = await lake_contents(self._tables, identity.tenant_id)
            except (ServiceError, TimeoutError):
                # What is down is said in the reply; health itself never fails.
                reply.lake, reply.status = "down", "DEGRADED"
            else:
                reply.data_availability.CopyFrom(_availability(contents))
                reply.bucket_summary.CopyFrom(_summary(contents))
        return reply

    async def GetStatus(self, request: system_pb2.GetStatusRequest, context: Any) -> system_pb2.GetStatusResponse:
        health = await self._checks.check()
        return system_pb2.GetStatusResponse(
            status="ok" if all(health.services.values()) else "degraded",
            version=self._version,
            services={name: "serving" if serves else "not_serving" for name, serves in health.services.items()},
            endpoints=[
                system_pb2.Endpoint(method=route.method, path=route.path, summary=route.summary) for route in routes()
            ],
        )

    async def GetDataInfo(self, request: system_pb2.GetDataInfoRequest, context: Any) -> system_pb2.GetDataInfoResponse:
        contents = await lake_contents(self._tables, caller().tenant_id)
        paths = {name: {item.name: item.path for item in contents if item.database == name} for name in _DATABASES}
        return system_pb2.GetDataInfoResponse(
            available_data=system_pb2.AvailableData(**{name: list(found) for name, found in paths.items()}),
            data_paths=system_pb2.DataPaths(**paths),
        )


def _word(is_good: bool) -> str:
    return "ok" if is_good else "down"


def _availability(contents: list[DatasetFiles]) -> system_pb2.DataAvailability:
    there = {name: {item.name: True for item in contents if item.database == name} for name in _DATABASES}
    return system_pb2.DataAvailability(
        mysql=system_pb2.MysqlAvailability(**there["mysql"]),
        postgresql=system_pb2.PostgresqlAvailability(**there["postgresql"]),
        cassandra=system_pb2.CassandraAvailability(**there["cassandra"]),
    )


def _summary(contents: list[DatasetFiles]) -> system_pb2.BucketSummary:
    counts = Counter(item.database for item in contents)
    return system_pb2.BucketSummary(
        total_objects=sum(item.objects for item in contents),
        # To the nearest tenth of a million bytes.
        total_size_mb=(sum(item.size for item in contents) + 50_000) // 100_000 / 10,
        databases={name: counts[name] for name in _DATABASES},
    )
