"""Services that hold something of tenants, as auth asks them to erase it, and looking for what is left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import grpc
from atalaya.policies import rpc_policies
from atalaya.tenancy.v1 import erasure_pb2
from atalaya.tenancy.v1.erasure_pb2_grpc import (
    ErasureServiceServicer,
    ErasureServiceStub,
    add_ErasureServiceServicer_to_server,
)
from service_runtime.config import RuntimeSettings
from service_runtime.errors import Unavailable
from service_runtime.identity import caller
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier

from support import postgres
from support.running import running, socket_address
from support.tokens import TestIssuer

SERVICES = ("ingest", "ml", "insights", "analytics")


@dataclass
class HoldingService(ErasureServiceServicer):
    """One service: `rows` and `objects` are what it still has of each tenant."""

    rows: dict[UUID, int] = field(default_factory=dict)
    objects: dict[UUID, int] = field(default_factory=dict)
    is_away: bool = False
    asked: list[UUID] = field(default_factory=list)
    address: str = ""

    async def EraseTenant(  # noqa: N802 - the rpc's name
        self, request: erasure_pb2.EraseTenantRequest, context: Any
    ) -> erasure_pb2.EraseTenantResponse:
        tenant_id = caller().tenant_id
        self.asked.append(tenant_id)
        if self.is_away:
            raise Unavailable("AWAY", "The service is away.")
        rows, objects = self.rows.pop(tenant_id, 0), self.objects.pop(tenant_id, 0)
        return erasure_pb2.EraseTenantResponse(rows=rows, objects=objects)


@asynccontextmanager
async def holding_services(verifier: Callable[[], TokenVerifier]) -> AsyncIterator[dict[str, HoldingService]]:
    """Serves the contract of each service, behind the same checks as in the services themselves."""
    services = {name: HoldingService() for name in SERVICES}
    async with AsyncExitStack() as stack:
        for name, service in services.items():
            service.address = await stack.enter_async_context(socket_address())
            settings = RuntimeSettings(listen_address=service.address, drain_seconds=0)
            server = Server(settings, policies=rpc_policies(), verifier=verifier(), name=name)
            server.add(add_ErasureServiceServicer_to_server, service)
            await stack.enter_async_context(running(server))
        yield services


async def erase(
    channel: grpc.aio.Channel, issuer: TestIssuer, tenant_id: UUID, service: str
) -> erasure_pb2.EraseTenantResponse:
    """Erases a tenant of a service under test, as auth's worker does."""
    claims: dict[str, Any] = {
        "sub": "service:auth",
        "token_use": "service",
        "target": service,
        "role": None,
        "sid": None,
    }
    metadata = issuer.bearer(tenant_id, **claims)
    return await ErasureServiceStub(channel).EraseTenant(erasure_pb2.EraseTenantRequest(), metadata=metadata)


def left_of(database: str, *words: object) -> dict[str, int]:
    """Counts the rows of each table that hold one of the words anywhere, as the superuser, whom no policy binds."""
    with postgres.server().connect(database) as connection:
        return rows_with(connection, *words)


def rows_with(connection: Any, *words: object) -> dict[str, int]:
    """Counts rows by table over a superuser's connection; bytes are compared as hexadecimal text."""
    tables = connection.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid >= 16384")
    found = {}
    for (table,) in tables.fetchall():
        query = f"SELECT count(*) FROM {table} t WHERE t::text ILIKE ANY(%s)"  # noqa: S608
        (count,) = connection.execute(query, [[f"%{word}%" for word in words]]).fetchone()
        if count:
            found[table] = count
    return found


def checksums(connection: Any, word: object) -> dict[str, str]:
    """Gives a checksum by table of the rows that hold a word, over a superuser's connection."""
    tables = connection.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid >= 16384")
    sums = {}
    for (table,) in tables.fetchall():
        rows = f"SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {table} t WHERE t::text LIKE %s"  # noqa: S608
        (checksum,) = connection.execute(rows, [f"%{word}%"]).fetchone()
        if checksum is not None:
            sums[table] = checksum
    return sums
