"""Error replies, the same for every route."""

import re

from atalaya_gateway.contract import Rpc
from atalaya_gateway.openapi.bare_bodies import comment_of_twin
from atalaya_gateway.openapi.descriptors import descriptors
from atalaya_gateway.openapi.limits import has_limits
from atalaya_gateway.typed import JsonObject

_EXAMPLE_ID = "6e1f1b4e-5f0b-4a83-9c57-3c9f0d5f2a11"
_SAID = re.compile(r"\((\d{3})\b|, (\d{3})\)")

# Status: what it means, with a code and a sentence as an example.
_ERRORS: dict[int, tuple[str, str, str]] = {
    400: ("What cannot be read, or breaks a rule", "MALFORMED_REQUEST", "Unexpected end of string."),
    401: ("No token, or one that does not hold", "TOKEN_REQUIRED", "An access token is required."),
    403: (
        "The role does not suffice, or the account is not yours",
        "ROLE_NOT_SUFFICIENT",
        "Your role does not allow this.",
    ),
    404: ("No such thing in your tenant", "JOB_NOT_FOUND", "There is no such job."),
    409: ("It exists already, or its state does not allow this", "JOB_ENDED", "The job has ended."),
    413: ("The body is too large", "PAYLOAD_TOO_LARGE", "The request's body is larger than this route takes."),
    415: ("The content type is not taken", "UNSUPPORTED_MEDIA_TYPE", "The route does not take this content type."),
    422: ("A limit of the contract is broken", "INVALID_REQUEST", ""),
    429: ("Too many calls", "RATE_LIMITED", "Too many requests; try again later."),
    503: (
        "Something behind is away",
        "UNAVAILABLE",
        "The service behind this route is away for the moment; try again.",
    ),
    504: ("Something behind is too slow", "DEADLINE_EXCEEDED", "The service behind this route did not answer in time."),
}
_TEXT_HEADER = {"schema": {"type": "string"}}
_HEADERS = {
    401: {"WWW-Authenticate": {**_TEXT_HEADER, "description": "How to authenticate."}},
    415: {"Accept": {**_TEXT_HEADER, "description": "What the route takes."}},
    429: {
        "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."},
        "X-RateLimit-Limit": {
            "schema": {"type": "integer"},
            "description": "Calls that the tightest window takes: a minute, an hour or a day.",
        },
        "X-RateLimit-Remaining": {"schema": {"type": "integer"}, "description": "Calls that are left of them."},
        "X-RateLimit-Reset": {"schema": {"type": "integer"}, "description": "Seconds until the window is empty again."},
    },
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
}
_VIOLATION: JsonObject = {
    "type": "object",
    "required": ["loc", "msg", "type"],
    "properties": {
        "loc": {"type": "array", "items": {"type": "string"}, "description": "query, path or body, then the field."},
        "msg": {"type": "string", "description": "What is wrong."},
        "type": {"type": "string", "description": "The rule that is broken."},
    },
}


def error_schemas() -> JsonObject:
    """Gives the schemas of error bodies."""
    violations = {"type": "array", "maxItems": 20, "items": {"$ref": "#/components/schemas/Violation"}}
    properties = {
        "detail": {"oneOf": [{"type": "string"}, violations], "description": "What is wrong; a list where limits are."},
        "code": {"type": "string", "pattern": "^[A-Z0-9_]+$", "description": "The reason, for programs."},
        "request_id": {"type": "string", "description": "Names the request in the logs."},
    }
    error = {"type": "object", "required": list(properties), "properties": properties}
    return {"Error": {**error, "description": "What every error looks like."}, "Violation": _VIOLATION}


def error_responses() -> JsonObject:
    """Gives the components that operations refer to."""
    return {f"Error{status}": _response(status) for status in _ERRORS}


def errors_of(rpc: Rpc, *, has_json_body: bool, has_file_body: bool) -> JsonObject:
    """Refers to the errors that a route can give: those of every route, and those that the rpc's comment names."""
    comments = descriptors().comments
    comment = " ".join((comments[f"{rpc.service}.{rpc.name}"], comment_of_twin(rpc), comments[rpc.service]))
    found = {400, 401, 429, 503, 504} | {int(first or second) for first, second in _SAID.findall(comment)}
    if not rpc.policy.public:
        found.add(403)
    if rpc.policy.idempotency_key:
        found.add(409)
    if has_json_body:
        found |= {413, 415}
    if has_file_body:
        found.add(415)
    request = descriptors().messages[rpc.method.input_type.removeprefix(".")]
    if any(has_limits(field) for field in request.field):
        found.add(422)
    return {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in sorted(found & set(_ERRORS))}


def _response(status: int) -> JsonObject:
    description, code, sentence = _ERRORS[status]
    detail: object = sentence
    if status == 422:
        message = "must be greater than or equal to 1 and less than or equal to 1000"
        detail = [{"loc": ["query", "limit"], "msg": message, "type": "int32.gte_lte"}]
    example = {"detail": detail, "code": code, "request_id": _EXAMPLE_ID}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}}
    response: JsonObject = {"description": f"{description}.", "content": content}
    return {**response, "headers": _HEADERS[status]} if status in _HEADERS else response
