"""Envoy's whole configuration as a template."""

from atalaya_gateway.clusters import clusters
from atalaya_gateway.listeners import public_listener
from atalaya_gateway.typed import JsonObject, typed
from atalaya_gateway.yaml_text import as_yaml

_HEADER = "# Made from the contracts by `python -m atalaya_gateway.generate`; not edited by hand.\n"


def bootstrap() -> JsonObject:
    """Gives the configuration, with placeholders where runs differ."""
    return {
        "node": {"id": "gateway", "cluster": "atalaya"},
        "admin": {"address": "${ADMIN_ADDRESS}"},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": typed(
                        "downstream_connections", max_active_downstream_connections="${MAX_CONNECTIONS}"
                    ),
                }
            ]
        },
        "static_resources": {"listeners": [public_listener()], "clusters": clusters()},
    }


def template() -> str:
    """Gives the text of gateway/envoy.yaml."""
    return _HEADER + as_yaml(bootstrap())
