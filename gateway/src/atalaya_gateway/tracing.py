"""Spans of the gateway's own, where there is a collector to take them."""

from atalaya_gateway.addresses import address_of, discovery_of
from atalaya_gateway.clusters import http2, one_endpoint
from atalaya_gateway.typed import JsonObject, typed

_CLUSTER = "spans"


def tracing(collector: str) -> JsonObject | None:
    """Gives the tracing of the public port; without it the Lua filter still begins the trace that services carry on."""
    if not collector:
        return None
    export = {"envoy_grpc": {"cluster_name": _CLUSTER}, "timeout": "0.5s"}
    config = typed("opentelemetry", service_name="gateway", grpc_service=export)
    return {
        "random_sampling": {"value": 100},
        "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": config},
    }


def spans_cluster(collector: str) -> JsonObject | None:
    """Gives the cluster of an OTLP collector."""
    if not collector:
        return None
    return {
        "name": _CLUSTER,
        "type": discovery_of(collector),
        "connect_timeout": "1s",
        "typed_extension_protocol_options": http2(),
        "load_assignment": one_endpoint(_CLUSTER, address_of(collector)),
    }
