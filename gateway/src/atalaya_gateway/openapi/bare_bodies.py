"""Schemas of replies that are bare JSON (HttpBody), found from the typed rpc that answers the same for gRPC."""

import re

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from atalaya_gateway import contract
from atalaya_gateway.contract import Rpc
from atalaya_gateway.openapi.descriptors import descriptors
from atalaya_gateway.openapi.schemas import Schemas
from atalaya_gateway.typed import JsonObject

HTTP_BODY = "google.api.HttpBody"
_EXPORT = re.compile(r"^Export(\w+)Json$")
_ALSO = re.compile(r"each also carries `(\w+)`")

_TEXT: JsonObject = {"type": "string"}
# A JSON Web Key Set is defined elsewhere (RFC 7517), so no message of ours says it.
_KEY_SET: JsonObject = {
    "type": "object",
    "description": "A JSON Web Key Set (RFC 7517).",
    "required": ["keys"],
    "properties": {
        "keys": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["kty", "kid", "n", "e"],
                "properties": dict.fromkeys(("kty", "kid", "use", "alg", "n", "e"), _TEXT),
            },
        }
    },
}


def bare_body(rpc: Rpc, comment: str, schemas: Schemas) -> JsonObject:
    """Gives the schema of an rpc's bare reply."""
    if rpc.name == "GetJwks":
        return _KEY_SET
    owner, field = _typed_field(rpc)
    schema = schemas.field(owner, field, sent_by_us=True)
    also = _ALSO.search(comment)
    if also:
        extra = {"type": "object", "required": [also[1]], "properties": {also[1]: {"type": "integer"}}}
        return {**schema, "items": {"allOf": [schema["items"], extra]}}
    if "JSON object" in comment and schema["type"] == "array":
        return {"type": "object", "description": schema["description"], "additionalProperties": _counted(field)}
    return schema


def typed_twin(rpc: Rpc) -> Rpc | None:
    """Finds the rpc that gRPC callers use instead of a bare one."""
    name = _EXPORT.match(rpc.name)
    if name is None:
        return None
    twins = {f"List{name[1]}", f"Get{name[1]}"}
    return next((other for other in contract.rpcs() if other.service == rpc.service and other.name in twins), None)


def comment_of_twin(rpc: Rpc) -> str:
    """Gives what the typed rpc says, which is written first; empty for rpcs that have none."""
    twin = typed_twin(rpc)
    return descriptors().comments[f"{twin.service}.{twin.name}"] if twin is not None else ""


def _typed_field(rpc: Rpc) -> tuple[str, FieldDescriptorProto]:
    """Finds the list or map in the typed reply, which the bare one consists of."""
    twin = typed_twin(rpc)
    if twin is None:
        raise LookupError(f"{rpc.name} replies bare JSON but is not called Export…Json beside a List… or Get…")
    owner = twin.method.output_type.removeprefix(".")
    fields = descriptors().messages[owner].field
    return owner, next(field for field in fields if field.label == FieldDescriptorProto.LABEL_REPEATED)


def _counted(field: FieldDescriptorProto) -> JsonObject:
    """Gives the schema of the value in entries of a name and a number."""
    entry = field.type_name.removeprefix(".")
    number = descriptors().messages[entry].field[1]
    return Schemas().field(entry, number, sent_by_us=True)
