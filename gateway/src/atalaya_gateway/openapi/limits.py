"""The contract's limits (buf.validate) as OpenAPI says them."""

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from atalaya_gateway.openapi.descriptors import validate_pb2, values_pb2
from atalaya_gateway.typed import JsonObject

_KEYWORDS = {
    "string": {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern", "const": "const"},
    "repeated": {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"},
    "map": {"min_pairs": "minProperties", "max_pairs": "maxProperties"},
}
_NUMBERS = {"gt": "exclusiveMinimum", "gte": "minimum", "lt": "exclusiveMaximum", "lte": "maximum", "const": "const"}
_FORMATS = ("email", "uuid", "uri", "hostname")


def limits(field: FieldDescriptorProto) -> JsonObject:
    """Gives the keywords of a field's rules; empty where it has none."""
    return _of_rules(_rules(field))


def is_needed(field: FieldDescriptorProto) -> bool:
    """Tells whether the empty value, which stands for an absent one, breaks the field's rules."""
    if field.proto3_optional:
        return False
    rules = _rules(field)
    if rules.required:
        return True
    kind = rules.WhichOneof("type")
    if kind == "string":
        allowed = list(getattr(rules.string, "in"))
        return rules.string.min_len > 0 or rules.string.email or (bool(allowed) and "" not in allowed)
    return bool(kind == "repeated" and rules.repeated.min_items > 0)


def has_limits(field: FieldDescriptorProto) -> bool:
    """Tells whether a field has any rule, also one that no keyword can say."""
    return field.options.HasExtension(validate_pb2.field)


def _rules(field: FieldDescriptorProto) -> Any:
    return field.options.Extensions[validate_pb2.field]


def _of_rules(rules: Any) -> JsonObject:
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    said = getattr(rules, kind)
    found: JsonObject = {
        keyword: getattr(said, name)
        for name, keyword in _KEYWORDS.get(kind, _NUMBERS).items()
        if name in said.DESCRIPTOR.fields_by_name and said.HasField(name)
    }
    allowed = list(getattr(said, "in", ()))
    if allowed:
        found["enum"] = allowed
    formats = [name for name in _FORMATS if kind == "string" and getattr(said, name)]
    if kind == "string" and said.Extensions[values_pb2.moment]:
        formats.append("date-time")
    if formats:
        found["format"] = formats[0]
    if kind == "repeated" and said.HasField("items"):
        found["items"] = _of_rules(said.items)
    return found
