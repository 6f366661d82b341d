"""The public port."""

from atalaya_gateway.access_log import access_log
from atalaya_gateway.filters import public_filters
from atalaya_gateway.local_replies import local_reply_config
from atalaya_gateway.typed import JsonObject, typed
from atalaya_gateway.virtual_host import THROUGH_GATEWAY, route_configuration

# Headers that mean something inside; a caller who sends them would speak with the gateway's voice.
INNER_HEADERS = (
    "x-envoy-original-path",
    "x-envoy-original-method",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-dst-host",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-upstream-stream-duration-ms",
    "x-envoy-retriable-status-codes",
    "x-envoy-retriable-header-names",
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
    THROUGH_GATEWAY,
    "x-forwarded-user-agent",
    "x-user",
    "x-user-id",
    "x-tenant",
    "x-tenant-id",
    "x-role",
    # What other gateways take for the path or the method; nobody here does, and nobody shall begin to.
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
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
        # A JSON body waits here until it is whole, so this is the size of such a body and not the 32 KiB that proxies
        # who only pass on get by with; the overload manager bounds all of them together.
        "per_connection_buffer_limit_bytes": 1048576,
        "filter_chains": [{"filters": [manager]}],
    }


def _options() -> JsonObject:
    return {
        "stat_prefix": "public",
        "server_name": "atalaya",
        "use_remote_address": True,
        # So many proxies before us name the caller truly in x-forwarded-for; auth counts by the same setting.
        "xff_num_trusted_hops": "${TRUSTED_PROXY_HOPS}",
        "strip_any_host_port": True,
        "generate_request_id": True,
        "always_set_request_id_in_response": True,
        "normalize_path": True,
        "merge_slashes": True,
        # Not a redirect: ids of jobs have a slash, which clients rightly escape.
        "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
        "common_http_protocol_options": {
            "idle_timeout": "300s",
            # A body that arrives by drops ends here; uploads have a duration of their own.
            "max_stream_duration": "120s",
            "max_headers_count": 100,
            # Some servers read x_role as x-role. Dropped in silence, a caller would not learn what became of it.
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": _http2(),
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


def _http2() -> JsonObject:
    return {
        "max_concurrent_streams": 100,
        "initial_stream_window_size": 65536,
        "initial_connection_window_size": 1048576,
        # A connection that makes us write or read for nothing is closed: floods of pings, settings and resets; of
        # priorities; of windows; of empty frames.
        "max_outbound_frames": 10000,
        "max_outbound_control_frames": 1000,
        "max_inbound_priority_frames_per_stream": 100,
        "max_inbound_window_update_frames_per_data_frame_sent": 10,
        "max_consecutive_inbound_frames_with_empty_payload": 1,
        # A caller that vanished without a word is noticed by its silence.
        "connection_keepalive": {"interval": "30s", "timeout": "10s"},
    }


def _remove_inner_headers() -> JsonObject:
    # gRPC refuses a call for one of binary metadata that is not base64, and none of ours takes any.
    binary = {"remove_on_match": {"key_matcher": {"suffix": "-bin"}}}
    mutations = [*({"remove": name} for name in INNER_HEADERS), binary]
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": typed("early_header_mutation", mutations=mutations),
    }
