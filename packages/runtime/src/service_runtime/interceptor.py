"""The one pipeline that every call goes through: trace and log, errors, deadline, identity, limits, success status."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from inspect import isasyncgenfunction
from typing import Any

import grpc

from service_runtime.authorization import Authorizer
from service_runtime.connection_loss import as_unavailable
from service_runtime.errors import DeadlineExceeded, Internal, InvalidArgument, ServiceError, Unimplemented
from service_runtime.idempotency import Idempotency, KeptAnswer
from service_runtime.identity import current_identity
from service_runtime.policy import Policy
from service_runtime.request import Request, current_request, read_request
from service_runtime.rest import Metadata, error_metadata, success_metadata
from service_runtime.status import to_status
from service_runtime.telemetry.calls import ObservedCall
from service_runtime.validation import validate

Context = Any  # grpc.aio.ServicerContext, which is generic for type checkers only

# Asked by probes and tools without a token.
EXEMPT_PREFIXES = ("/grpc.health.v1.", "/grpc.reflection.")


class Pipeline(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Wraps every handler, whichever sides stream, in the same steps."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        authorizer: Authorizer,
        *,
        deadline_seconds: float,
        stream_deadline_seconds: float,
        trusted_hops: int = 0,
    ) -> None:
        self._policies = policies
        # Set by services that keep answers; the others take no idempotency keys.
        self.idempotency: Idempotency | None = None
        self._authorizer = authorizer
        self._deadline_seconds = deadline_seconds
        self._stream_deadline_seconds = stream_deadline_seconds
        self._trusted_hops = trusted_hops
        # By method: the handler, and the one that stands around it.
        self._handlers: dict[str, tuple[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler: Any = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(EXEMPT_PREFIXES):
            return handler
        known = self._handlers.get(method)
        if known is None or known[0] is not handler:
            known = self._handlers[method] = handler, self._wrapped(handler, method)
        return known[1]

    def _wrapped(self, handler: Any, method: str) -> Any:
        serializers = (_or_unreadable(handler.request_deserializer), handler.response_serializer)
        if handler.response_streaming:
            behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream
            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else (grpc.unary_stream_rpc_method_handler)
            )
            return make(self._streaming(behaviour, method, handler.request_streaming), *serializers)
        behaviour = handler.stream_unary if handler.request_streaming else handler.unary_unary
        make_unary = (
            grpc.stream_unary_rpc_method_handler if handler.request_streaming else (grpc.unary_unary_rpc_method_handler)
        )
        single = self._single(behaviour, method, handler.request_streaming)
        return make_unary(single, serializers[0], _or_kept(serializers[1]))

    def _single(self, behaviour: Any, method: str, request_streaming: bool) -> Any:
        async def call(message_or_stream: Any, context: Context) -> Any:
            async with self._served(method, context, streaming=request_streaming) as request:
                checked = self._checked(message_or_stream, request, request_streaming)
                reply = await self._answer(request, behaviour, checked, context, request_streaming)
                await _send_metadata(context, success_metadata(request))
                return reply

        return call

    async def _answer(
        self, request: Request, behaviour: Any, checked: Any, context: Context, request_streaming: bool
    ) -> Any:
        policy = self._policies.get(request.method)
        if self.idempotency is None or policy is None or not policy.idempotency_key:
            return await behaviour(checked, context)
        message = None if request_streaming else checked
        return await self.idempotency.answer(request, message, lambda: behaviour(checked, context))

    def _streaming(self, behaviour: Any, method: str, request_streaming: bool) -> Any:
        if not isasyncgenfunction(behaviour):
            # What the generated class brings where the servicer has no such method.
            behaviour = _not_there

        async def call(message_or_stream: Any, context: Context) -> AsyncIterator[Any]:
            async with self._served(method, context, streaming=True) as request:
                checked = self._checked(message_or_stream, request, request_streaming)
                metadata_sent = False
                async for reply in behaviour(checked, context):
                    if not metadata_sent:
                        await _send_metadata(context, success_metadata(request))
                        metadata_sent = True
                    yield reply
                if not metadata_sent:
                    await _send_metadata(context, success_metadata(request))

        return call

    def _checked(self, message_or_stream: Any, request: Request, request_streaming: bool) -> Any:
        policy = self._policies.get(request.method)
        if not request_streaming:
            _check(message_or_stream, request, policy)
            return message_or_stream

        async def messages() -> AsyncIterator[Any]:
            async for message in message_or_stream:
                _check(message, request, policy)
                yield message

        return messages()

    @asynccontextmanager
    async def _served(self, method: str, context: Context, *, streaming: bool) -> AsyncIterator[Request]:
        """Stands around one call. Each call has its own task, so the context variables end with it."""
        request = read_request(method, context.invocation_metadata(), trusted_hops=self._trusted_hops)
        current_request.set(request)
        policy = self._policies.get(method)
        request.success_status = policy.success_status if policy is not None else 200
        with ObservedCall(request) as observed:
            try:
                async with asyncio.timeout(self._seconds(request, context, streaming)) as deadline:
                    identity = await self._authorizer.authorize(request, policy)
                    current_identity.set(identity)
                    observed.identify(identity)
                    yield request
            except TimeoutError as error:
                late = DeadlineExceeded("DEADLINE_EXCEEDED", "The answer took too long.")
                await _abort(context, request, observed.failed(late if deadline.expired() else _known(error, request)))
            except grpc.aio.AbortError:
                observed.aborted()
                raise
            except Exception as error:
                await _abort(context, request, observed.failed(_known(error, request)))

    def _seconds(self, request: Request, context: Context, streaming: bool) -> float:
        seconds = self._stream_deadline_seconds if streaming else self._deadline_seconds
        asked = context.time_remaining()
        # The caller's own shorter deadline is kept by gRPC itself; here it is known to calls made further on.
        request.deadline = time.monotonic() + (seconds if asked is None else min(seconds, asked))
        return seconds


class _Unreadable:
    """Stands for bytes that are no message, until the caller is known and can be told."""


def _or_unreadable(deserialize: Any) -> Any:
    """Keeps what a library says of bad bytes from going out before anything of ours has run."""

    def deserialized(data: bytes) -> Any:
        try:
            return deserialize(data)
        except Exception:
            return _Unreadable()

    return deserialized


def _check(message: Any, request: Request, policy: Policy | None) -> None:
    if isinstance(message, _Unreadable):
        raise InvalidArgument("MALFORMED_REQUEST", "The message cannot be read.")
    validate(message, request, policy)


async def _not_there(_messages: Any, _context: Context) -> AsyncIterator[Any]:
    raise NotImplementedError
    yield


def _or_kept(serialize: Any) -> Any:
    """Lets the bytes of an answer that was kept pass as they are."""

    def serialized(reply: Any) -> Any:
        return reply.data if isinstance(reply, KeptAnswer) else serialize(reply)

    return serialized


def _known(error: Exception, request: Request) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    lost = as_unavailable(error)
    if lost is not None:
        lost.__cause__ = error
        return lost
    if isinstance(error, NotImplementedError):
        return Unimplemented("UNIMPLEMENTED", "This is not implemented.")
    unforeseen = Internal("INTERNAL", "Something went wrong on our side.", request_id=request.request_id)
    unforeseen.__cause__ = error
    return unforeseen


async def _abort(context: Context, request: Request, error: ServiceError) -> None:
    await _send_metadata(context, error_metadata(request, error))
    await context.abort_with_status(to_status(error))


async def _send_metadata(context: Context, metadata: Metadata) -> None:
    if metadata:
        # After the first reply of a stream, or where the servicer sent its own, it is too late for more.
        with suppress(grpc.aio.UsageError):
            await context.send_initial_metadata(metadata)
