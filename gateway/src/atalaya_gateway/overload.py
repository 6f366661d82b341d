"""What Envoy does when it is short of memory or of connections, or when one connection wants too much of it."""

from atalaya_gateway.typed import JsonObject, typed

SHRINK_AT, STOP_AT = 0.95, 0.98
# A connection that takes back this many requests within a second of asking is closed (rapid reset, CVE-2023-44487), and
# no connection has more than one request read before the others have their turn.
RESET_LIMITS: JsonObject = {
    "overload.premature_reset_total_stream_count": 200,
    "overload.premature_reset_min_stream_lifetime_seconds": 1,
    "http.max_requests_per_io_cycle": 1,
}


def overload_manager() -> JsonObject:
    """Gives the heap after whose measure requests are refused (503), and the number of connections."""
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.fixed_heap",
                "typed_config": typed("fixed_heap", max_heap_size_bytes="${MAX_HEAP_BYTES}"),
            },
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": typed("downstream_connections", max_active_downstream_connections="${MAX_CONNECTIONS}"),
            },
        ],
        "actions": [
            _action("envoy.overload_actions.shrink_heap", SHRINK_AT),
            _action("envoy.overload_actions.stop_accepting_requests", STOP_AT),
        ],
    }


def _action(name: str, threshold: float) -> JsonObject:
    return {
        "name": name,
        "triggers": [{"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": threshold}}],
    }
