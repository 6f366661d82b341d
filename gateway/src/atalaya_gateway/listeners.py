"""The public port."""

from atalaya_gateway.access_log import access_log
from atalaya_gateway.filters import public_filters
from atalaya_gateway.local_replies import local_reply_config
from atalaya_gateway.typed import JsonObject, typed
from atalaya_gateway.virtual_host import route_configuration

# Headers that mean something inside; a caller who sends them would speak with the gateway's voice.
INNER_HEADERS = (
    "x-envoy-original-path",
    "x-envoy-original-method",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-max-retries",
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-decorator-operation",
    "x-envoy-force-trace",
    "x-http-status",
    "x-error-body",
    "x-jwt-payload",
    "x-user",
    "x-user-id",
    "x-tenant",
    "x-tenant-id",
    "x-role",
)


def public_listener() -> JsonObject:
    """Gives the one port, for REST, gRPC and gRPC-web."""
    manager = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed("connection_manager", **_options()),
    }
    return {
        "name": "public",
        "address": {"socket_address": {"address": "${LISTEN_HOST}", "port_value": "${ATALAYA_PORT}"}},
        "per_connection_buffer_limit_bytes": 1048576,
        "filter_chains": [{"filters": [manager]}],
    }


def _options() -> JsonObject:
    return {
        "stat_prefix": "public",
        "server_name": "atalaya",
        "use_remote_address": True,
        "strip_any_host_port": True,
        "generate_request_id": True,
        "always_set_request_id_in_response": True,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
        "common_http_protocol_options": {
            "idle_timeout": "300s",
            # A body that arrives by drops ends here; uploads have a duration of their own.
            "max_stream_duration": "120s",
            "max_headers_count": 100,
            "headers_with_underscores_action": "DROP_HEADER",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "max_request_headers_kb": 32,
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "75s",
        "drain_timeout": "2s",
        "early_header_mutation_extensions": [_remove_inner_headers()],
        "access_log": [access_log()],
        "tracing": "${TRACING}",
        "local_reply_config": local_reply_config(),
        "route_config": route_configuration(),
        "http_filters": public_filters(),
    }


def _remove_inner_headers() -> JsonObject:
    mutations = [{"remove": name} for name in INNER_HEADERS]
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": typed("early_header_mutation", mutations=mutations),
    }
