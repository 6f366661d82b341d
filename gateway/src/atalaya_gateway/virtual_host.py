"""All routes of the public port in the order in which they are tried."""

from atalaya_gateway import contract
from atalaya_gateway.page_routes import page_routes
from atalaya_gateway.rest_routes import TRANSCODER, rest_routes
from atalaya_gateway.rpc_routes import rpc_routes
from atalaya_gateway.typed import JsonObject, disabled, typed

LARGEST_PAGE = 4 * 1024 * 1024
# Tells a service that a call came from outside. Callers can neither send nor prevent it: theirs is taken off, and every
# route sets it. Services never pass it on.
THROUGH_GATEWAY = "x-through-gateway"

EXPOSED_HEADERS = (
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "x-request-id",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "allow",
    "content-disposition",
    "content-range",
    "accept-ranges",
    "etag",
    "idempotent-replayed",
    "x-query-bytes-scanned",
    "x-query-engine-ms",
    "x-query-cost-usd",
)


def route_configuration() -> JsonObject:
    """Gives the routes of the public port."""
    return {
        "name": "public",
        "max_direct_response_body_size_bytes": LARGEST_PAGE,
        "virtual_hosts": [
            {
                "name": "all",
                "domains": ["*"],
                "request_headers_to_add": [
                    {
                        "header": {"key": THROUGH_GATEWAY, "value": "1"},
                        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                    }
                ],
                "typed_per_filter_config": {"envoy.filters.http.cors": _cors()},
                "routes": [_two_hosts(), _preflight(), *_ordered(), _unknown_rpc(), _unknown()],
            }
        ],
    }


def _ordered() -> list[JsonObject]:
    # Whole paths are compared at once, so they come before the paths with variables, which are not.
    routes = [*rpc_routes(), *rest_routes(), *page_routes()]
    return sorted(routes, key=lambda route: "safe_regex" in route["match"])


def _cors() -> JsonObject:
    return typed(
        "cors_policy",
        allow_origin_string_match=[{"safe_regex": {"regex": "${CORS_ORIGINS}"}}],
        allow_methods="GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        allow_headers="authorization, content-type, idempotency-key, x-api-key, x-grpc-web, x-user-agent, "
        "grpc-timeout, range, if-range",
        expose_headers=", ".join(EXPOSED_HEADERS),
        max_age="600",
    )


def _two_hosts() -> JsonObject:
    # Envoy joins them; who stands before it may have read only one.
    hosts = {"name": ":authority", "string_match": {"contains": ","}}
    return {
        "match": {"prefix": "/", "headers": [hosts]},
        "direct_response": {"status": 400, "body": {"inline_string": "A request has one host."}},
        "typed_per_filter_config": {TRANSCODER: disabled()},
    }


def _preflight() -> JsonObject:
    # The CORS filter answers only on routes that lead to a cluster; without an allowed origin the request goes on and
    # is an unknown route.
    asks = [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "access-control-request-method", "present_match": True},
    ]
    return {"match": {"prefix": "/", "headers": asks}, "route": {"cluster": contract.clusters()[0]}}


def _unknown_rpc() -> JsonObject:
    # gRPC's form of 404 is UNIMPLEMENTED, which Envoy makes of it by itself.
    return {"match": {"prefix": "/", "grpc": {}}, "direct_response": {"status": 404}}


def _unknown() -> JsonObject:
    # The transcoder refuses every other path before the cluster is asked.
    return {"match": {"prefix": "/"}, "route": {"cluster": contract.clusters()[0]}}
