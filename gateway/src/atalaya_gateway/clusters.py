"""The services behind the gateway, as Envoy's clusters."""

from atalaya_gateway import contract
from atalaya_gateway.typed import JsonObject, typed

JWKS_CLUSTER = "jwks"


def clusters() -> list[JsonObject | str]:
    """Gives a cluster per service, a narrow one for what hashes, the gateway for its JWKS, and where spans go."""
    return [
        *(_service(name, name, _circuit_breaker()) for name in contract.clusters()),
        *(_service(contract.hashing_cluster(name), name, _few_at_once()) for name in contract.hashing_clusters()),
        _jwks(),
        "${SPANS_CLUSTER}",
    ]


def _service(name: str, service: str, circuit_breaker: JsonObject) -> JsonObject:
    key = service.upper()
    return {
        "name": name,
        # Several addresses behind a name (a headless service) are balanced request by request.
        "type": f"${{{key}_DISCOVERY}}",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "per_connection_buffer_limit_bytes": 1048576,
        "typed_extension_protocol_options": http2(),
        "health_checks": [_health_check()],
        "circuit_breakers": {"thresholds": [circuit_breaker]},
        "outlier_detection": _outlier_detection(),
        "load_assignment": one_endpoint(name, f"${{{key}_ADDRESS}}"),
    }


def http2() -> JsonObject:
    """Gives the options that make a cluster speak HTTP/2, as gRPC needs."""
    options = {
        "initial_stream_window_size": 65536,
        "initial_connection_window_size": 1048576,
        # A peer that vanished without a word is noticed by its silence.
        "connection_keepalive": {"interval": "30s", "timeout": "5s"},
    }
    config = {"http2_protocol_options": options}
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "http_protocol_options", explicit_http_config=config
        )
    }


def _health_check() -> JsonObject:
    # Where no endpoint is healthy Envoy sends requests all the same (panic), so a service that lost its database still
    # says so itself.
    return {
        "timeout": "1s",
        "interval": "2s",
        "no_traffic_interval": "2s",
        "unhealthy_interval": "0.5s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "grpc_health_check": {},
    }


def _outlier_detection() -> JsonObject:
    # Only what Envoy itself meets counts: connections refused or cut, answers that never come. A status that a service
    # answers says nothing about its process: an rpc that fails whenever it is called must not take the others with it,
    # and a service that cannot work says so to the health check. At most one address of ten is left out, one of few;
    # where that is the only one, panic sends requests all the same.
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 5,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "10s",
        "base_ejection_time": "30s",
        "max_ejection_percent": 10,
        "always_eject_one_host": True,
    }


def _circuit_breaker() -> JsonObject:
    return {
        "max_connections": 1024,
        "max_pending_requests": 1024,
        "max_requests": 4096,
        "retry_budget": {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 3},
    }


def _few_at_once() -> JsonObject:
    # What auth would refuse is refused here, for a tenth of the work. The processors it saves hash.
    return {**_circuit_breaker(), "max_pending_requests": "${HASHING_PLACES}", "max_requests": "${HASHING_PLACES}"}


def _jwks() -> JsonObject:
    # The public port itself, whose transcoder makes auth's reply the plain file that the token's check wants. An
    # internal listener would not do: keys are fetched from Envoy's main thread, which cannot reach one.
    address = {"socket_address": {"address": "${OWN_HOST}", "port_value": "${ATALAYA_PORT}"}}
    return {
        "name": JWKS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": one_endpoint(JWKS_CLUSTER, address),
    }


def one_endpoint(name: str, address: object) -> JsonObject:
    """Gives the assignment of a cluster that has one address."""
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}
