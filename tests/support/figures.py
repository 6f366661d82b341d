"""A reply as plain Python, to be held against a reference."""

from typing import Any

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp


def figures(reply: Message) -> dict[str, Any]:
    """Every field by name; what is absent is None, a time a datetime in UTC without its zone."""
    return {field.name: _value(reply, field) for field in reply.DESCRIPTOR.fields}


def _value(message: Message, field: Any) -> Any:
    if field.has_presence and not message.HasField(field.name):
        return None
    value = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return {key: _plain(value[key]) for key in value}
    return [_plain(item) for item in value] if field.is_repeated else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToDatetime()
    if isinstance(value, Struct):
        return dict(value)
    return figures(value) if isinstance(value, Message) else value
