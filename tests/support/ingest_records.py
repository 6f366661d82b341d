"""Single records as tests write them, and how the lake is seen to follow."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from atalaya.ingest.v1 import records_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from ingest_service.lake_check import Difference, LakeCheck
from ingest_service.lake_store import LakeStore
from service_runtime.lake.local import LocalLake

from support.ingest_running import IngestSuite, Tenant

WHEN = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
FRESH_SECONDS = 5.0


def stamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def new_post(contenido: str = "Hola", when: datetime = WHEN, **more: Any) -> records_pb2.CreatePublicacionRequest:
    values = {"usuario": "banco", **more}
    return records_pb2.CreatePublicacionRequest(contenido=contenido, fecha_publicacion=stamp(when), **values)


def new_values(
    number: int, contenido: str = "Hola", when: datetime = WHEN, **more: Any
) -> records_pb2.UpdatePublicacionRequest:
    values = {"usuario": "banco", **more}
    return records_pb2.UpdatePublicacionRequest(
        id_publicacion=number, contenido=contenido, fecha_publicacion=stamp(when), **values
    )


async def create(tenant: Tenant, *args: Any, **more: Any) -> records_pb2.Publicacion:
    return await tenant.records.CreatePublicacion(new_post(*args, **more), metadata=tenant.bearer())


async def update(tenant: Tenant, *args: Any, **more: Any) -> records_pb2.Publicacion:
    return await tenant.records.UpdatePublicacion(new_values(*args, **more), metadata=tenant.bearer())


async def delete(tenant: Tenant, number: int, usuario: str = "banco") -> None:
    request = records_pb2.DeletePublicacionRequest(usuario=usuario, id_publicacion=number)
    await tenant.records.DeletePublicacion(request, metadata=tenant.bearer())


async def get(tenant: Tenant, number: int, usuario: str = "banco") -> records_pb2.Publicacion:
    request = records_pb2.GetPublicacionRequest(usuario=usuario, id_publicacion=number)
    return await tenant.records.GetPublicacion(request, metadata=tenant.bearer("viewer"))


async def lake_differences(suite: IngestSuite, tenant_id: UUID) -> list[Difference]:
    """Compares record and lake by the operator's check."""

    def open_lake(tenant_id: UUID) -> LocalLake:
        return LocalLake(suite.lake_folder / f"tenant={tenant_id}")

    with tempfile.TemporaryDirectory() as folder:
        return await LakeCheck(suite.database, LakeStore(), open_lake).differences(tenant_id, Path(folder))


async def lake_follows(tenant: Tenant, seconds: float = FRESH_SECONDS) -> float:
    """Waits until the lake equals the record, so many seconds at most; gives how long it took."""
    began = time.monotonic()
    while True:
        left = await lake_differences(tenant.suite, tenant.tenant_id)
        took = time.monotonic() - began
        if not left:
            return took
        assert took < seconds, [str(difference) for difference in left]
        await asyncio.sleep(0.1)
