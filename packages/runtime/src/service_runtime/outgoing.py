"""What happens to each call that a service makes: identity, trace and deadline go along, errors become ours again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc.aio import ClientCallDetails, Metadata
from opentelemetry import propagate

from service_runtime.errors import DeadlineExceeded
from service_runtime.identity import current_identity
from service_runtime.origin import forwarded_metadata
from service_runtime.request import current_request
from service_runtime.status import from_rpc_error

# Reads by their names; repeating one changes nothing.
_IDEMPOTENT = ("Get", "List", "Check")
_MOST_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.05
# Of the time that a call has, so much is kept to tell its caller that the other was too late; with less than the other
# nobody begins what will hardly end.
_KEPT_SECONDS, _LEAST_SECONDS = 0.02, 0.1


class _Outgoing:
    def __init__(self, deadline_seconds: float, token: str | None) -> None:
        self._deadline_seconds = deadline_seconds
        self._token = token

    def _details(self, details: Any) -> ClientCallDetails:
        metadata = Metadata(*(details.metadata or ()))
        for key, value in self._own_metadata().items():
            if key not in metadata:
                metadata.add(key, value)
        return ClientCallDetails(
            details.method, self._timeout(details.timeout), metadata, details.credentials, details.wait_for_ready
        )

    def _own_metadata(self) -> dict[str, str]:
        carried: dict[str, str] = {}
        propagate.inject(carried)
        request, identity = current_request.get(), current_identity.get()
        if request is not None:
            carried["x-request-id"] = request.request_id
            carried |= forwarded_metadata(request)
        token = self._token or (identity.token if identity is not None else None)
        if token:
            carried["authorization"] = f"Bearer {token}"
        return carried

    def _timeout(self, asked: float | None) -> float:
        request = current_request.get()
        left = request.seconds_left() if request is not None else None
        if left is None:
            return asked or self._deadline_seconds
        if left < _LEAST_SECONDS:
            raise DeadlineExceeded("DEADLINE_EXCEEDED", "Too little time is left to ask another service.")
        return min(asked or self._deadline_seconds, left - _KEPT_SECONDS)


class OutgoingCalls(_Outgoing, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    """One request, one reply; reads are tried again where the service was away."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        tries = _MOST_TRIES if _is_read(client_call_details.method) else 1
        while True:
            tries -= 1
            call = await continuation(self._details(client_call_details), request)
            try:
                await call
            except grpc.aio.AioRpcError as error:
                if not tries or error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise from_rpc_error(error) from error
                await asyncio.sleep(_FIRST_PAUSE_SECONDS * (_MOST_TRIES - tries) * random.uniform(0.5, 1.5))  # noqa: S311
            else:
                return call


class OutgoingStreams(_Outgoing, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    """One request, many replies."""

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return _replies(await continuation(self._details(client_call_details), request))


class OutgoingUploads(_Outgoing, grpc.aio.StreamUnaryClientInterceptor):  # type: ignore[type-arg]
    """Many requests, one reply."""

    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        call = await continuation(self._details(client_call_details), request_iterator)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return call


class OutgoingDialogues(_Outgoing, grpc.aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    """Many requests, many replies."""

    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return _replies(await continuation(self._details(client_call_details), request_iterator))


async def _replies(call: Any) -> AsyncIterator[Any]:
    try:
        async for reply in call:
            yield reply
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


def _is_read(method: bytes | str) -> bool:
    name = method.decode() if isinstance(method, bytes) else method
    return name.rpartition("/")[2].startswith(_IDEMPOTENT)
