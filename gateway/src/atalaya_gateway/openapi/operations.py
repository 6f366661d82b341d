"""Operations: one per REST route, from its rpc."""

import re
from collections.abc import Iterator

from atalaya.policies import HttpBinding
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from atalaya_gateway import media_types, path_template
from atalaya_gateway.contract import Rpc
from atalaya_gateway.openapi.bare_bodies import HTTP_BODY, bare_body, comment_of_twin
from atalaya_gateway.openapi.descriptors import descriptors
from atalaya_gateway.openapi.errors import errors_of
from atalaya_gateway.openapi.examples import Examples
from atalaya_gateway.openapi.limits import is_needed
from atalaya_gateway.openapi.schemas import Schemas, may_be_parameter
from atalaya_gateway.typed import JsonObject

_SENTENCE = re.compile(r"^(.+?[.:])(?:\s|$)")
_OTHER_SUCCESS = re.compile(r"over REST with (2\d\d)")
_SUCCESS = {200: "The answer.", 201: "It is made.", 202: "The job that does it."}

IDEMPOTENCY_KEY: JsonObject = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key with the same request gives the first answer again for 24 hours, with the header "
    "`idempotent-replayed: true`; with another request it is 409 IDEMPOTENCY_KEY_REUSED. A UUID does well.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


class Operations:
    """Makes operations, whose schemas gather in `schemas`."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._examples = Examples(schemas.components)

    def operation(self, rpc: Rpc, binding: HttpBinding) -> JsonObject:
        """Gives the operation of a route."""
        comment = descriptors().comments[f"{rpc.service}.{rpc.name}"]
        of_twin = comment_of_twin(rpc)
        first = _SENTENCE.match(of_twin or comment)
        body = self._body(rpc, binding)
        made: JsonObject = {
            "operationId": _operation_id(rpc, binding),
            "tags": [tag_of(rpc.service)],
            "summary": (first[1] if first else comment).rstrip(".:"),
            "description": "\n\n".join(text for text in (of_twin, comment, _who(rpc)) if text),
            # Either does.
            "security": [] if rpc.policy.public else [{"bearer": []}, {"api_key": []}],
            "parameters": [
                *self._path_parameters(rpc, binding),
                *self._query_parameters(rpc, binding),
                *([IDEMPOTENCY_KEY] if rpc.policy.idempotency_key else []),
            ],
        }
        if body is not None:
            made["requestBody"] = body
        has_json = body is not None and not rpc.streams_upload
        made["responses"] = {
            **{str(status): self._reply(rpc, comment) for status in _successes(rpc, comment)},
            **errors_of(rpc, has_json_body=has_json, has_file_body=rpc.streams_upload),
        }
        return made

    def _body(self, rpc: Rpc, binding: HttpBinding) -> JsonObject | None:
        name = rpc.method.input_type.removeprefix(".")
        if not binding.body:
            return None
        if binding.body != "*":
            example = self._examples.of({"type": "string"}, binding.body)
            schema = {"type": "string", "format": "binary"}
            types = media_types.accepted(rpc.policy.full_method)
            content = {kind: {"schema": schema, "example": example} for kind in types}
            return {"required": True, "content": {**content, **media_types.instead_of_a_file(rpc.policy.full_method)}}
        fields = [field for field in _fields(name) if field.name not in binding.path_fields]
        if not fields:
            return None
        schema = self._schemas.request(name, binding.path_fields)
        content = {"application/json": {"schema": schema, "example": self._examples.of(schema)}}
        return {"required": any(is_needed(field) for field in fields), "content": content}

    def _path_parameters(self, rpc: Rpc, binding: HttpBinding) -> Iterator[JsonObject]:
        patterns = path_template.variable_patterns(binding.path)
        for field in _fields(rpc.method.input_type.removeprefix(".")):
            if field.name in binding.path_fields:
                parameter = self._parameter(rpc, field, "path")
                parameter["required"] = True
                if field.name in patterns:
                    parameter["schema"]["pattern"] = patterns[field.name]
                    service = patterns[field.name].split("/")[0].removeprefix("^")
                    parameter["example"] = re.sub(r"^\w+/", f"{service}/", parameter["example"])
                yield parameter

    def _query_parameters(self, rpc: Rpc, binding: HttpBinding) -> Iterator[JsonObject]:
        if binding.body == "*":
            return
        taken = binding.path_fields | {binding.body}
        for field in _fields(rpc.method.input_type.removeprefix(".")):
            if field.name not in taken and may_be_parameter(field):
                yield self._parameter(rpc, field, "query")

    def _parameter(self, rpc: Rpc, field: FieldDescriptorProto, place: str) -> JsonObject:
        schema = self._schemas.field(rpc.method.input_type.removeprefix("."), field, sent_by_us=False)
        parameter: JsonObject = {"name": field.name, "in": place, "description": schema.pop("description", "")}
        if is_needed(field):
            parameter["required"] = True
        parameter["schema"] = schema
        # Parameters that may be missing have no example: pages that try a route out would send it.
        if parameter.get("required") or place == "path":
            parameter["example"] = self._examples.of(schema, field.name, rpc.name)
        return parameter

    def _reply(self, rpc: Rpc, comment: str) -> JsonObject:
        files = media_types.produced(rpc.policy.full_method)
        if files:
            schema: JsonObject = {"type": "string", "format": "binary"}
            return {"description": "The file.", "content": {kind: {"schema": schema} for kind in files}}
        name = rpc.method.output_type.removeprefix(".")
        schema = bare_body(rpc, comment, self._schemas) if name == HTTP_BODY else self._schemas.reply(name)
        description = descriptors().comments.get(name, "") if name != HTTP_BODY else ""
        content = {"application/json": {"schema": schema, "example": self._examples.of(schema, "reply", rpc.name)}}
        return {"description": description or _SUCCESS[rpc.policy.success_status], "content": content}


def tag_of(service: str) -> str:
    """Gives the tag of a proto service, as `Social accounts`."""
    name = service.rsplit(".", 1)[-1].removesuffix("Service")
    return re.sub(r"(?<=[a-z])([A-Z])", lambda letter: f" {letter[1].lower()}", name)


def _fields(message: str) -> list[FieldDescriptorProto]:
    return list(descriptors().messages[message].field)


def _operation_id(rpc: Rpc, binding: HttpBinding) -> str:
    suffix = "" if binding == rpc.policy.bindings[0] else f"_{binding.method.lower()}"
    return f"{rpc.cluster}_{rpc.name}{suffix}"


def _successes(rpc: Rpc, comment: str) -> list[int]:
    """Lists the statuses of success: the contract's, and one that the comment names for a longer wait."""
    return [rpc.policy.success_status, *(int(status) for status in _OTHER_SUCCESS.findall(comment))]


def _who(rpc: Rpc) -> str:
    return "Open to everybody." if rpc.policy.public else f"Least role: **{rpc.policy.least_role}**."
