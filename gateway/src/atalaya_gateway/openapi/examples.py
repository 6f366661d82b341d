"""Realistic examples, field by field from a small table, and whole bodies from those."""

import re
from functools import cache
from importlib import resources
from typing import Any

import yaml

from atalaya_gateway.typed import JsonObject


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("atalaya_gateway.openapi") / "examples.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


class Examples:
    """Makes examples of schemas; `scope` is the schema's name, for fields that mean different things in two of them."""

    def __init__(self, components: dict[str, JsonObject]) -> None:
        self._components = components

    def of(self, schema: JsonObject, field: str = "", scope: str = "") -> Any:
        """Gives an example of a value."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[-1]
            return self.of(self._components[name], field, name)
        if "allOf" in schema:
            merged: dict[str, Any] = {}
            for part in schema["allOf"]:
                merged |= self.of(part, field, scope)
            return merged
        found = _table().get(f"{scope}.{field}", _table().get(field))
        if found is not None and _fits(found, schema):
            return found
        return self._made(schema, field, scope)

    def _made(self, schema: JsonObject, field: str, scope: str) -> Any:
        kind = schema.get("type")
        if kind == "object":
            if "properties" in schema:
                named = {name: part for name, part in schema["properties"].items() if not _left_out(scope, name)}
                return {name: self.of(part, name, scope) for name, part in named.items()}
            values = schema.get("additionalProperties")
            return {"example": self.of(values, "", scope)} if isinstance(values, dict) else {}
        if kind == "array":
            return [self.of(schema.get("items", {}), field, scope)]
        if "enum" in schema:
            return next(value for value in [*schema["enum"], ""] if value or len(schema["enum"]) == 1)
        if "default" in schema:
            return schema["default"]
        if kind in ("integer", "number"):
            return schema.get("minimum", 1)
        if kind == "boolean":
            return True
        return "2025-07-01T12:00:00Z" if schema.get("format") == "date-time" else "text"


def _left_out(scope: str, field: str) -> bool:
    """Tells whether the table has nothing for a field on purpose: it would contradict the others."""
    key = f"{scope}.{field}"
    return key in _table() and _table()[key] is None


def _fits(example: Any, schema: JsonObject) -> bool:
    types: dict[Any, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
    types |= {"array": list, "object": dict}
    wanted = types.get(schema.get("type"), object)
    if not isinstance(example, wanted) or ("enum" in schema and example not in schema["enum"]):
        return False
    return "pattern" not in schema or not isinstance(example, str) or re.search(schema["pattern"], example) is not None
