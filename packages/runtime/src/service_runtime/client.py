"""Channels to other services: they carry the caller's identity, trace and deadline, and raise our errors again."""

from typing import Any, Protocol

import grpc

from service_runtime.outgoing import OutgoingCalls, OutgoingDialogues, OutgoingStreams, OutgoingUploads


class ChannelSettings(Protocol):
    """What a channel needs of the settings."""

    @property
    def default_deadline_seconds(self) -> float: ...
    @property
    def stream_deadline_seconds(self) -> float: ...
    @property
    def max_message_bytes(self) -> int: ...


def open_channel(
    address: str,
    settings: ChannelSettings,
    *,
    token: str | None = None,
    credentials: grpc.ChannelCredentials | None = None,
) -> grpc.aio.Channel:
    """Opens a channel to a service at host:port, unix:/path or dns:///name.

    `token` replaces the caller's own; `credentials` make it TLS.
    """
    single, stream = settings.default_deadline_seconds, settings.stream_deadline_seconds
    options: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        # Every replica behind a headless name gets its share.
        ("grpc.service_config", '{"loadBalancingConfig":[{"round_robin":{}}]}'),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # A service that restarts is found again at once, not after gRPC's two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]
    # The type stubs want the generic forms, which exist for type checkers only.
    interceptors: Any = [
        OutgoingCalls(single, token),
        OutgoingStreams(stream, token),
        OutgoingUploads(stream, token),
        OutgoingDialogues(stream, token),
    ]
    if credentials is not None:
        return grpc.aio.secure_channel(address, credentials, options=options, interceptors=interceptors)
    return grpc.aio.insecure_channel(address, options=options, interceptors=interceptors)
