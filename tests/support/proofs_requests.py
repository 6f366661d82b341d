"""Requests that look as a caller would send them, made from an rpc's descriptors, limits and documented examples."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any
from uuid import uuid4

import protovalidate
import yaml
from buf.validate import validate_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from support.proofs_rpcs import Rpc

TEXTS = ("text", "0197e0a5-6c1e-7d3a-9a44-2f6f0f5b7c10", "2025-07-01", "rosa@techcorp.example", "a" * 12, "")
MOMENT = "2025-06-28T15:30:00Z"
NUMBERS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
# What the examples cannot know: a first page, a key that is no secret of anybody's.
LEFT_OUT = frozenset(
    {"page_token", "refresh_token", "invitation_token", "tenant_name", "mapping", "account_column", "after", "dataset"}
)
# Over the examples, where these would stand in each other's way.
INSTEAD: dict[str, Any] = {
    "CreateSocialAccount.username": "made-by-a-proof",
    "ImportData.kind": "posts",
    "ImportData.on_error": "skip",
    "ListAuditEvents.action": "user.",
    "RecordAuditEvent.event": {"id": "0197e0a5-6c1e-7d3a-9a44-2f6f0f5b7c10", "action": "proof.try", "outcome": "OK"},
}
# Needed, though the contract leaves it to the rules.
NEEDED = {"ImportData.kind"}


def request_for(rpc: Rpc, *, lean: bool = False) -> Any:
    """Gives a request that keeps every limit of its contract; a lean one says no more than it must."""
    request = rpc.request_type()
    for field in rpc.method.input_type.fields:
        if not lean or f"{rpc.name}.{field.name}" in NEEDED or field.name == "job_id" or _breaks(request, field):
            _fill(request, field, rpc)
    broken = protovalidate.collect_violations(request)
    assert not broken, f"{rpc}: {[(item.proto.field, item.proto.message) for item in broken]}"
    return request


def keeps_limits(request: Any) -> bool:
    """Whether the service would look at a request at all."""
    return not protovalidate.collect_violations(request)


def _fill(request: Any, field: FieldDescriptor, rpc: Rpc) -> None:
    if field.name in LEFT_OUT and not _breaks(request, field):
        return
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp" and _breaks(request, field):
            getattr(request, field.name).FromJsonString(examples().get(field.name, MOMENT))
        elif field.message_type.full_name.startswith("atalaya.") and not field.is_repeated:
            json_format.ParseDict(INSTEAD.get(f"{rpc.name}.{field.name}", {}), getattr(request, field.name))
        elif field.is_repeated and _breaks(request, field):
            item = getattr(request, field.name).add()
            for part in field.message_type.fields:
                _fill(item, part, rpc)
        return
    for value in _candidates(field, rpc):
        try:
            _set(request, field, value)
        except (TypeError, ValueError):
            continue
        if not _breaks(request, field):
            return
        request.ClearField(field.name)


def _set(request: Any, field: FieldDescriptor, value: Any) -> None:
    if field.is_repeated:
        getattr(request, field.name).extend(value if isinstance(value, list) else [value])
    elif field.type == FieldDescriptor.TYPE_BYTES:
        setattr(request, field.name, value.encode())
    else:
        setattr(request, field.name, value)


def _breaks(request: Any, field: FieldDescriptor) -> bool:
    return any(
        item.proto.field is not None
        and item.proto.field.elements
        and item.proto.field.elements[0].field_name == field.name
        for item in protovalidate.collect_violations(request)
    )


def _candidates(field: FieldDescriptor, rpc: Rpc) -> Iterator[Any]:
    if field.name == "job_id":
        # The route of a job names its service.
        yield f"{rpc.service}/{uuid4()}"
    table = {**examples(), **INSTEAD}
    message = rpc.method.input_type
    scope = f"{message.full_name.split('.')[1]}.{message.name}"
    for name in (f"{rpc.name}.{field.name}", f"{scope}.{field.name}", field.name):
        if name in table:
            yield table[name]
    yield from getattr(field.GetOptions().Extensions[validate_pb2.field].string, "in")
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        yield from TEXTS
    elif field.cpp_type in NUMBERS:
        yield from (0.8, 1.0, 0.0)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        yield False
    else:
        yield from (1, 3, 0)


@cache
def examples() -> dict[str, Any]:
    """The table from which the OpenAPI document takes its examples."""
    text = (resources.files("atalaya_gateway.openapi") / "examples.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
