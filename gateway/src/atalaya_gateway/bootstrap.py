"""Envoy's whole configuration as a template."""

from atalaya_gateway.clusters import clusters
from atalaya_gateway.listeners import public_listener
from atalaya_gateway.overload import RESET_LIMITS, overload_manager
from atalaya_gateway.typed import JsonObject
from atalaya_gateway.yaml_text import as_yaml

_HEADER = "# Made from the contracts by `python -m atalaya_gateway.generate`; not edited by hand.\n"


def bootstrap() -> JsonObject:
    """Gives the configuration, with placeholders where runs differ."""
    return {
        "node": {"id": "gateway", "cluster": "atalaya"},
        "admin": {"address": "${ADMIN_ADDRESS}"},
        "overload_manager": overload_manager(),
        "layered_runtime": {"layers": [{"name": "limits", "static_layer": RESET_LIMITS}]},
        "static_resources": {"listeners": [public_listener()], "clusters": clusters()},
    }


def template() -> str:
    """Gives the text of gateway/envoy.yaml."""
    return _HEADER + as_yaml(bootstrap())
