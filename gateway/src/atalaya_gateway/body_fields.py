"""Which fields the JSON body of each request may have, for the filter that tells who misspells one."""

from collections.abc import Iterator
from functools import cache

from atalaya.policies import HttpBinding, descriptor_set
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from atalaya_gateway import contract
from atalaya_gateway.contract import Rpc

# In a message of fields: the kind of every name that is not listed.
ANY_NAME = "*"


def message_of(rpc: Rpc, binding: HttpBinding) -> str:
    """Names the message that a route's JSON body is; empty where there is none, or where it may hold anything."""
    if not binding.body or rpc.streams_upload:
        return ""
    request = _pool().FindMessageTypeByName(rpc.method.input_type.lstrip("."))
    if binding.body == "*":
        return str(request.full_name)
    kind = _kind(request.fields_by_name[binding.body])
    return kind if isinstance(kind, str) else ""


def lua_table() -> str:
    """Gives the fields of all these messages as a table of Lua: by message and name the field's message, or true."""
    messages: dict[str, dict[str, str | bool]] = {}
    for rpc, binding in contract.routes():
        _collect(message_of(rpc, binding), messages)
    lines = [f"  [{name!r}] = {{{_entries(fields)}}}," for name, fields in sorted(messages.items())]
    return "\n".join(["local MESSAGES = {", *lines, "}", ""]).replace("'", '"')


def _entries(fields: dict[str, str | bool]) -> str:
    return ", ".join(f"[{name!r}] = {'true' if kind is True else repr(kind)}" for name, kind in fields.items())


def _collect(name: str, messages: dict[str, dict[str, str | bool]]) -> None:
    if not name or name in messages:
        return
    message = _pool().FindMessageTypeByName(name)
    messages[name] = dict(_fields(message))
    for kind in list(messages[name].values()):
        if isinstance(kind, str):
            _collect(kind, messages)


def _fields(message: Descriptor) -> Iterator[tuple[str, str | bool]]:
    if message.GetOptions().map_entry:
        yield ANY_NAME, _kind(message.fields_by_name["value"])
        return
    for field in message.fields:
        # JSON may name a field in either way.
        for name in sorted({field.name, field.json_name}):
            yield name, _kind(field)


def _kind(field: FieldDescriptor) -> str | bool:
    """Names a field's message; true for all that is none of ours, such as google.protobuf.Struct."""
    message = field.message_type
    if message is None or message.full_name.startswith("google."):
        return True
    return str(message.full_name)


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in descriptor_set().file:
        pool.Add(file)
    return pool
