"""Fills the template's placeholders: a whole value may become any structure, a part of a text a text."""

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def fill(node: Any, values: Mapping[str, Any]) -> Any:
    """Gives a copy of a parsed YAML document with every placeholder filled; keys whose value is None are left out."""
    if isinstance(node, dict):
        filled = {key: fill(value, values) for key, value in node.items()}
        return {key: value for key, value in filled.items() if value is not None}
    if isinstance(node, list):
        return [item for item in (fill(entry, values) for entry in node) if item is not None]
    if isinstance(node, str):
        return _fill_text(node, values)
    return node


def names(text: str) -> set[str]:
    """Names the placeholders of a template."""
    return set(_PLACEHOLDER.findall(text))


def _fill_text(text: str, values: Mapping[str, Any]) -> Any:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole:
        return values[whole.group(1)]
    return _PLACEHOLDER.sub(lambda found: str(values[found.group(1)]), text)
