"""Names Envoy's extension types, which are spelled at length in every use."""

from typing import Any

JsonObject = dict[str, Any]

_TYPES = {
    "access_log": "extensions.access_loggers.stream.v3.StdoutAccessLog",
    "body_size_limit": "extensions.filters.http.body_size_limit.v3.BodySizeLimit",
    "compressor": "extensions.filters.http.compressor.v3.Compressor",
    "connection_manager": "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    "cors": "extensions.filters.http.cors.v3.Cors",
    "cors_policy": "extensions.filters.http.cors.v3.CorsPolicy",
    "downstream_connections": "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
    "early_header_mutation": "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
    "filter_config": "config.route.v3.FilterConfig",
    "fixed_heap": "extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
    "grpc_json_transcoder": "extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
    "grpc_web": "extensions.filters.http.grpc_web.v3.GrpcWeb",
    "gzip": "extensions.compression.gzip.compressor.v3.Gzip",
    "health_check": "extensions.filters.http.health_check.v3.HealthCheck",
    "http_protocol_options": "extensions.upstreams.http.v3.HttpProtocolOptions",
    "jwt_authn": "extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    "lua": "extensions.filters.http.lua.v3.Lua",
    "opentelemetry": "config.trace.v3.OpenTelemetryConfig",
    "router": "extensions.filters.http.router.v3.Router",
}


def typed(kind: str, **fields: Any) -> JsonObject:
    """Gives the configuration of an extension with its type."""
    return {"@type": f"type.googleapis.com/envoy.{_TYPES[kind]}", **fields}


def http_filter(kind: str, **fields: Any) -> JsonObject:
    """Gives an HTTP filter under its usual name."""
    return {"name": f"envoy.filters.http.{kind}", "typed_config": typed(kind, **fields)}


def disabled() -> JsonObject:
    """Gives the route's setting that leaves a filter out."""
    return typed("filter_config", disabled=True)
