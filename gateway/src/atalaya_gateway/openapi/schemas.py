"""Schemas of messages, in the JSON that Envoy's transcoder writes and reads."""

import re
from collections.abc import Collection
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from atalaya_gateway.openapi.descriptors import descriptors
from atalaya_gateway.openapi.limits import is_needed, limits
from atalaya_gateway.typed import JsonObject

_TYPE = FieldDescriptorProto
_INT32: JsonObject = {"type": "integer", "format": "int32"}
_INT64: JsonObject = {"type": "string", "format": "int64", "pattern": r"^-?\d+$"}
_SCALARS: dict[Any, JsonObject] = {
    _TYPE.TYPE_DOUBLE: {"type": "number", "format": "double"},
    _TYPE.TYPE_FLOAT: {"type": "number", "format": "float"},
    _TYPE.TYPE_INT32: _INT32,
    _TYPE.TYPE_SINT32: _INT32,
    _TYPE.TYPE_SFIXED32: _INT32,
    _TYPE.TYPE_UINT32: {"type": "integer", "minimum": 0},
    _TYPE.TYPE_FIXED32: {"type": "integer", "minimum": 0},
    _TYPE.TYPE_INT64: _INT64,
    _TYPE.TYPE_SINT64: _INT64,
    _TYPE.TYPE_SFIXED64: _INT64,
    _TYPE.TYPE_UINT64: {"type": "string", "format": "uint64", "pattern": r"^\d+$"},
    _TYPE.TYPE_FIXED64: {"type": "string", "format": "uint64", "pattern": r"^\d+$"},
    _TYPE.TYPE_BOOL: {"type": "boolean"},
    _TYPE.TYPE_STRING: {"type": "string"},
    _TYPE.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}
_WELL_KNOWN: dict[str, JsonObject] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d+)?s$"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.FieldMask": {"type": "string"},
}
_DEFAULT = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?) where absent")


class Schemas:
    """Collects the components that operations refer to."""

    def __init__(self) -> None:
        self.components: dict[str, JsonObject] = {}

    def reply(self, name: str) -> JsonObject:
        """Refers to the schema of a message that a service sends."""
        return self._message(name, (), sent_by_us=True)

    def request(self, name: str, without: Collection[str]) -> JsonObject:
        """Refers to the schema of a message that a caller sends, but for the fields that stand in the path."""
        return self._message(name, without, sent_by_us=False)

    def field(self, owner: str, field: FieldDescriptorProto, *, sent_by_us: bool) -> JsonObject:
        """Gives the schema of a field with its limits, its default and what its comment says."""
        schema = self._value(field, sent_by_us)
        if field.label == _TYPE.LABEL_REPEATED and not _is_map(field):
            schema = {"type": "array", "items": schema}
        said = limits(field)
        if "items" in said:
            schema["items"] = {**schema["items"], **said.pop("items")}
        comment = descriptors().comments.get(f"{owner}.{field.name}", "")
        default = _DEFAULT.search(comment)
        if default and schema.get("type") in ("integer", "number"):
            said["default"] = float(default[1]) if "." in default[1] else int(default[1])
        if comment:
            said["description"] = comment
        return {**schema, **said}

    def _message(self, name: str, without: Collection[str], *, sent_by_us: bool) -> JsonObject:
        if name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[name])
        key = component_name(name)
        if key not in self.components:
            # Set before its fields are read, for messages that hold themselves.
            self.components[key] = {}
            self.components[key] = self._object(name, without, sent_by_us)
        return {"$ref": f"#/components/schemas/{key}"}

    def _object(self, name: str, without: Collection[str], sent_by_us: bool) -> JsonObject:
        fields = [field for field in descriptors().messages[name].field if field.name not in without]
        schema: JsonObject = {
            "type": "object",
            "description": descriptors().comments.get(name, ""),
            "properties": {field.name: self.field(name, field, sent_by_us=sent_by_us) for field in fields},
        }
        needed = [field.name for field in fields if (_is_always_there(field) if sent_by_us else is_needed(field))]
        if needed:
            schema["required"] = needed
        return schema

    def _value(self, field: FieldDescriptorProto, sent_by_us: bool) -> JsonObject:
        name = field.type_name.removeprefix(".")
        if field.type == _TYPE.TYPE_ENUM:
            values = [value.name for value in descriptors().enums[name].value]
            return {"type": "string", "enum": [value for value in values if not value.endswith("_UNSPECIFIED")]}
        if field.type != _TYPE.TYPE_MESSAGE:
            return dict(_SCALARS[field.type])
        if _is_map(field):
            value = descriptors().messages[name].field[1]
            return {"type": "object", "additionalProperties": self._value(value, sent_by_us)}
        return self._message(name, (), sent_by_us=sent_by_us)


def may_be_parameter(field: FieldDescriptorProto) -> bool:
    """Tells whether a field may stand in a query: a scalar, or a message that is written as one, such as a time."""
    as_text = _WELL_KNOWN.get(field.type_name.removeprefix("."), {}).get("type") == "string"
    return field.type != _TYPE.TYPE_MESSAGE or as_text


def component_name(message: str) -> str:
    """Gives the name of a message's schema, as `auth.User`."""
    parts = message.split(".")
    return f"{parts[1]}.{parts[-1]}"


def _is_map(field: FieldDescriptorProto) -> bool:
    message = descriptors().messages.get(field.type_name.removeprefix("."))
    return message is not None and message.options.map_entry


def _is_always_there(field: FieldDescriptorProto) -> bool:
    """Tells whether the transcoder prints the field whatever its value."""
    if field.label == _TYPE.LABEL_REPEATED:
        return True
    return field.type != _TYPE.TYPE_MESSAGE and not field.HasField("oneof_index")
