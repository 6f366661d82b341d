"""The gRPC server that every service runs: health, identity, limits, telemetry, orderly stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import structlog
from grpc_health.v1 import health_pb2_grpc

from service_runtime import telemetry
from service_runtime.api_keys import ApiKeys, Exchange
from service_runtime.authorization import Authorizer
from service_runtime.config import RuntimeSettings
from service_runtime.health import HealthServicer
from service_runtime.idempotency import Idempotency
from service_runtime.interceptor import Pipeline
from service_runtime.limits import RateLimits, windows_of
from service_runtime.limits_memory import MemoryCounters
from service_runtime.limits_refused import RememberedRefusals
from service_runtime.paging import PageTokens
from service_runtime.policy import Policy
from service_runtime.rest import set_success_status as set_success_status
from service_runtime.token_verifier import TokenVerifier

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from service_runtime.database import Database
    from service_runtime.revocations import Revocations

S = TypeVar("S")
_log = structlog.stdlib.get_logger("service_runtime.server")


class Server:
    """One gRPC server. Add servicers, checks and closers, then `run`."""

    def __init__(
        self,
        settings: RuntimeSettings,
        *,
        policies: Mapping[str, Policy],
        verifier: TokenVerifier | None,
        name: str,
        exchange_key: Exchange | None = None,
    ) -> None:
        """`exchange_key` gives the access token for an API key; without it no key is good."""
        self._settings = settings
        self._name = name
        self._health = HealthServicer()
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._stopped = False
        # The one client of this process, for whoever works with Redis; the server closes it last.
        self.redis = self._redis(settings.redis_url)
        self._revocations = _revocations(self.redis) if verifier is not None else None
        authorizer = Authorizer(
            name,
            verifier,
            api_keys=ApiKeys(exchange_key) if exchange_key is not None else None,
            revocations=self._revocations,
            limits=self._limits(settings) if verifier is not None else None,
        )
        self._pipeline = Pipeline(
            policies,
            authorizer,
            deadline_seconds=settings.default_deadline_seconds,
            stream_deadline_seconds=settings.stream_deadline_seconds,
            trusted_hops=settings.trusted_proxy_hops,
        )
        self._server = grpc.aio.server(interceptors=[self._pipeline], options=_options(settings))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._service_names: list[str] = []
        # For the lists that the service gives page by page.
        self.pages = PageTokens.by_key_file(settings.service_private_key_file)
        # Where the server listens, once it has started; a port of 0 is resolved.
        self.address = ""

    def _redis(self, url: str) -> Redis | None:
        if not url:
            return None
        # Its client takes memory, which only those pay who have a Redis.
        from service_runtime.redis_client import open_redis, redis_alive

        client = open_redis(url)
        self.add_check("redis", redis_alive(client), critical=False)
        self.on_close(client.aclose)
        return client

    def _limits(self, settings: RuntimeSettings) -> RateLimits | None:
        windows = windows_of(settings)
        if not windows:
            return None
        shared = None
        if self.redis is not None:
            from service_runtime.limits_redis import RedisCounters

            shared = RememberedRefusals(RedisCounters(self.redis))
        return RateLimits(windows, shared, MemoryCounters())

    def add(self, add_to_server: Callable[[S, grpc.Server], None], servicer: S) -> None:
        """Adds a servicer, as in `add(auth_pb2_grpc.add_AuthServiceServicer_to_server, AuthServicer(...))`."""
        add_to_server(servicer, _Registrar(self._server, self._service_names))  # type: ignore[arg-type]

    def keep_answers(self, database: Database) -> None:
        """Takes idempotency keys where the contract says so; the database has `create_idempotency_table`'s table."""
        from service_runtime.idempotency_store import IdempotencyStore

        self._pipeline.idempotency = Idempotency(IdempotencyStore(database))

    def add_check(self, name: str, check: Callable[[], Awaitable[None]], *, critical: bool = True) -> None:
        """Adds something the service depends on; `check` raises where it is down."""
        self._health.add_check(name, check, critical=critical)

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Runs `close` when the last call has ended; the last added is closed first."""
        self._closers.append(close)

    async def start(self) -> None:
        """Listens and serves."""
        if self._revocations is not None:
            await self._revocations.start()
            self.on_close(self._revocations.close)
        if self._settings.grpc_reflection:
            from grpc_reflection.v1alpha import reflection

            reflection.enable_server_reflection([*self._service_names, reflection.SERVICE_NAME], self._server)
        for name in self._service_names:
            self._health.add_name(name)
        self.address = _bind(self._server, self._settings.listen_address)
        await self._server.start()
        _log.info("serving", address=self.address)

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT, then stops in good order."""
        telemetry.setup(self._settings, self._name)
        asked_to_stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
        try:
            await self.start()
            _leave_what_stays()
            await asked_to_stop.wait()
        finally:
            await self.stop()
            telemetry.shut_down()

    async def stop(self) -> None:
        """Answers NOT_SERVING, takes no new calls, waits for those in flight, closes what was opened."""
        if self._stopped:
            return
        self._stopped = True
        self._health.stop()
        await self._server.stop(self._settings.drain_seconds)
        for close in reversed(self._closers):
            try:
                await close()
            except Exception:
                _log.exception("closing failed")
        _log.info("stopped")


def _revocations(client: Redis | None) -> Revocations | None:
    if client is None:
        return None
    from service_runtime.revocations import Revocations

    return Revocations(client)


class _Registrar:
    """Passes handlers on to the server and notes the names of their services, for health and reflection."""

    def __init__(self, server: grpc.aio.Server, names: list[str]) -> None:
        self._server = server
        self._names = names

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        self._names.extend(handler.service_name() for handler in handlers)
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service_name: str, method_handlers: Any) -> None:
        self._server.add_registered_method_handlers(service_name, method_handlers)  # type: ignore[attr-defined]


def _leave_what_stays() -> None:
    """Spares the garbage collector what lives as long as the process: the modules and parts that are there by now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _options(settings: RuntimeSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        # A second server on the same port must fail, not share it.
        ("grpc.so_reuseport", 0),
        # Connections that died without a word are found, and callers may look as often.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def _bind(server: grpc.aio.Server, address: str) -> str:
    if address.startswith("unix:"):
        # A socket left by a killed process would refuse us.
        Path(address.removeprefix("unix:")).unlink(missing_ok=True)
        server.add_insecure_port(address)
        return address
    port = server.add_insecure_port(address)
    return f"{address.rpartition(':')[0]}:{port}"
