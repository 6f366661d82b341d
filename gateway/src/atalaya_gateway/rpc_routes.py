"""Routes of rpcs by their own path: gRPC and gRPC-web as they arrive, REST after the transcoder."""

from atalaya_gateway import contract, media_types
from atalaya_gateway.contract import Rpc
from atalaya_gateway.rest_routes import BODY_FILTER
from atalaya_gateway.typed import JsonObject, disabled

REPLY_TIMEOUT = "${REPLY_TIMEOUT}"
LONGEST_STREAM = "3600s"
STREAM_SILENCE = "60s"


def rpc_routes() -> list[JsonObject]:
    """Gives a route per rpc."""
    return [_route(rpc) for rpc in contract.rpcs()]


def _route(rpc: Rpc) -> JsonObject:
    streaming = rpc.streams_upload or rpc.method.server_streaming
    action: JsonObject = {"cluster": rpc.upstream}
    if streaming:
        # A duration of its own also puts the timeout of replies out of force.
        action["idle_timeout"] = STREAM_SILENCE
        action["max_stream_duration"] = {"max_stream_duration": LONGEST_STREAM}
    else:
        action["timeout"] = REPLY_TIMEOUT
        action["retry_policy"] = _retries(rpc)
    route: JsonObject = {
        "match": {"path": rpc.policy.full_method},
        "route": action,
        # A service limits the size of its messages by itself, as gRPC callers expect.
        "typed_per_filter_config": {BODY_FILTER: disabled()},
    }
    accepted = media_types.accepted(rpc.policy.full_method)
    if accepted:
        # The Lua filter names these in the header Accept where the service answers 415.
        route["metadata"] = {"filter_metadata": {"edge_lua": {"accept": ", ".join(accepted)}}}
    return route


def _retries(rpc: Rpc) -> JsonObject:
    # What never reached the service may be sent again, whatever it does; what may have reached it only if it reads.
    never_arrived = "connect-failure,refused-stream"
    return {
        "retry_on": f"{never_arrived},unavailable,reset" if rpc.is_read else never_arrived,
        "num_retries": 2,
        "retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"},
    }
