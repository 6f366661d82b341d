"""Looks up messages, enums and comments by their full names."""

from dataclasses import dataclass, field
from functools import cache

# Imported before the descriptor set is read, so that its options are understood.
from atalaya.options.v1 import values_pb2
from atalaya.policies import descriptor_set
from buf.validate import validate_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

__all__ = ["Descriptors", "descriptors", "validate_pb2", "values_pb2"]


@dataclass
class Descriptors:
    """Everything by full name without a leading dot; comments also for fields, rpcs and services."""

    messages: dict[str, DescriptorProto] = field(default_factory=dict)
    enums: dict[str, EnumDescriptorProto] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


@cache
def descriptors() -> Descriptors:
    """Reads the descriptor set once."""
    found = Descriptors()
    for file in descriptor_set().file:
        _read(file, found)
    return found


def _read(file: FileDescriptorProto, found: Descriptors) -> None:
    comments = {
        tuple(place.path): " ".join(place.leading_comments.split())
        for place in file.source_code_info.location
        if place.leading_comments
    }
    for index, message in enumerate(file.message_type):
        _read_message(file.package, message, (4, index), comments, found)
    for enum in file.enum_type:
        found.enums[f"{file.package}.{enum.name}"] = enum
    for index, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        found.comments[name] = comments.get((6, index), "")
        for number, method in enumerate(service.method):
            found.comments[f"{name}.{method.name}"] = comments.get((6, index, 2, number), "")


def _read_message(
    scope: str,
    message: DescriptorProto,
    place: tuple[int, ...],
    comments: dict[tuple[int, ...], str],
    found: Descriptors,
) -> None:
    name = f"{scope}.{message.name}"
    found.messages[name] = message
    found.comments[name] = comments.get(place, "")
    for index, entry in enumerate(message.field):
        found.comments[f"{name}.{entry.name}"] = comments.get((*place, 2, index), "")
    for index, nested in enumerate(message.nested_type):
        _read_message(name, nested, (*place, 3, index), comments, found)
    for nested_enum in message.enum_type:
        found.enums[f"{name}.{nested_enum.name}"] = nested_enum
