"""The template as YAML: written by PyYAML alone, so that the text is the same everywhere; read by libyaml if there."""

from typing import Any

import yaml

from atalaya_gateway.typed import JsonObject

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _WithoutAliases(yaml.SafeDumper):
    """Writes equal parts in full, so that a change shows where it applies."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def as_yaml(document: JsonObject) -> str:
    """Writes a document."""
    return yaml.dump(document, Dumper=_WithoutAliases, sort_keys=False, width=120, allow_unicode=True)


def from_yaml(text: bytes) -> JsonObject:
    """Reads a document."""
    document: JsonObject = yaml.load(text, Loader=_Loader)  # noqa: S506
    return document
