"""Envoy's whole configuration as a template."""

import yaml

from atalaya_gateway.clusters import clusters
from atalaya_gateway.listeners import public_listener
from atalaya_gateway.typed import JsonObject, typed

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


class _WithoutAliases(yaml.SafeDumper):
    """Writes equal parts in full, so that a change shows where it applies."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def as_yaml(document: JsonObject) -> str:
    """Writes a configuration as YAML."""
    return yaml.dump(document, Dumper=_WithoutAliases, sort_keys=False, width=120, allow_unicode=True)


def template() -> str:
    """Gives the text of gateway/envoy.yaml."""
    return _HEADER + as_yaml(bootstrap())
