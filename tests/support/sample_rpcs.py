"""A service with an rpc of each shape, whose behaviour a test gives; it needs no contract of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from atalaya.ingest.v1.data_pb2 import GetJobRequest, ListRejectedRowsRequest
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier

from support.running import running, socket_address
from support.tokens import TestIssuer

# Any message with a limit will do for a request, any for a reply.
Request = ListRejectedRowsRequest
Reply = GetJobRequest

SERVICE = "sample.v1.SampleService"


@dataclass(frozen=True)
class SampleBinding:
    """A REST route."""

    method: str
    path: str
    path_fields: frozenset[str] = frozenset()
    body: str = ""


@dataclass(frozen=True)
class SamplePolicy:
    """Who may call."""

    least_role: str = ""
    public: bool = False
    success_status: int = 200
    service_only: bool = False
    idempotency_key: bool = False
    bindings: tuple[SampleBinding, ...] = ()


def policies(policy: SamplePolicy) -> dict[str, SamplePolicy]:
    """Gives each rpc the same policy."""
    return {f"/{SERVICE}/{name}": policy for name in ("GetOne", "GetMany", "Collect", "Talk", "Make")}


class SampleServicer:
    """Each rpc asks `behave` with the request's job_id and replies with the text it gives."""

    def __init__(self, behave: Callable[[str], Awaitable[str]]) -> None:
        self._behave = behave

    async def one(self, request: Request, _context: Any) -> Reply:
        return Reply(job_id=await self._behave(request.job_id))

    async def many(self, request: Request, _context: Any) -> AsyncIterator[Reply]:
        for word in request.job_id.split():
            yield Reply(job_id=await self._behave(word))

    async def collect(self, requests: AsyncIterator[Request], _context: Any) -> Reply:
        return Reply(job_id=" ".join([await self._behave(request.job_id) async for request in requests]))

    async def talk(self, requests: AsyncIterator[Request], _context: Any) -> AsyncIterator[Reply]:
        async for request in requests:
            yield Reply(job_id=await self._behave(request.job_id))


def add_to_server(servicer: SampleServicer, server: grpc.Server) -> None:
    """Adds the rpcs as generated code would."""
    codecs: dict[str, Any] = {
        "request_deserializer": Request.FromString,
        "response_serializer": Reply.SerializeToString,
    }
    handlers: Any = {
        "GetOne": grpc.unary_unary_rpc_method_handler(servicer.one, **codecs),
        "Make": grpc.unary_unary_rpc_method_handler(servicer.one, **codecs),
        "GetMany": grpc.unary_stream_rpc_method_handler(servicer.many, **codecs),
        "Collect": grpc.stream_unary_rpc_method_handler(servicer.collect, **codecs),
        "Talk": grpc.stream_stream_rpc_method_handler(servicer.talk, **codecs),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


class SampleStub:
    """Calls the rpcs as a generated stub would; `server` is the one behind it."""

    server: Server

    def __init__(self, channel: grpc.aio.Channel) -> None:
        codecs: dict[str, Any] = {
            "request_serializer": Request.SerializeToString,
            "response_deserializer": Reply.FromString,
        }
        self.one: Any = channel.unary_unary(f"/{SERVICE}/GetOne", **codecs)
        self.make: Any = channel.unary_unary(f"/{SERVICE}/Make", **codecs)
        self.many: Any = channel.unary_stream(f"/{SERVICE}/GetMany", **codecs)
        self.collect: Any = channel.stream_unary(f"/{SERVICE}/Collect", **codecs)
        self.talk: Any = channel.stream_stream(f"/{SERVICE}/Talk", **codecs)


class SampleServers:
    """Starts servers with the sample rpcs."""

    def __init__(self, issuer: TestIssuer) -> None:
        self._issuer = issuer

    @asynccontextmanager
    async def serving(
        self,
        behave: Callable[[str], Awaitable[str]],
        policy: SamplePolicy | None = None,
        *,
        exchange_key: Callable[[str], Awaitable[str]] | None = None,
        verifier: TokenVerifier | None = None,
        name: str = "sample",
        answers: Database | None = None,
        **settings: Any,
    ) -> AsyncIterator[SampleStub]:
        """Serves rpcs that are public, or as the policy says, until the end of the block."""
        async with socket_address() as address:
            server = Server(
                RuntimeSettings(listen_address=address, **settings),
                policies=policies(policy or SamplePolicy(public=True)),
                verifier=verifier or self._issuer.verifier(),
                name=name,
                exchange_key=exchange_key,
            )
            if answers is not None:
                server.keep_answers(answers)
            server.add(add_to_server, SampleServicer(behave))
            async with running(server) as channel:
                stub = SampleStub(channel)
                stub.server = server
                yield stub
