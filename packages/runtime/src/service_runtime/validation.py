"""Checks each request message against the limits of its contract."""

import re
from typing import Any
from urllib.parse import parse_qsl

import protovalidate

from service_runtime.errors import InvalidArgument, Unprocessable, Violation
from service_runtime.policy import Binding, Policy
from service_runtime.request import Request


def validate(message: Any, request: Request, policy: Policy | None) -> None:
    """Raises INVALID_REQUEST with every broken limit; over REST each says whether query, path or body broke it."""
    _refuse_second_word(request, policy)
    broken = protovalidate.collect_violations(message)
    if not broken:
        return
    binding = _binding(request, policy) if request.over_rest and policy is not None else None
    violations = [_violation(item.proto, binding, request) for item in broken]
    first = violations[0]
    text = f"{'.'.join(first.loc)}: {first.msg}" if first.loc else first.msg
    raise Unprocessable("INVALID_REQUEST", text, violations=violations)


def _refuse_second_word(request: Request, policy: Policy | None) -> None:
    # Envoy lets the query win over the path, and then what logs and people read is not what is done.
    query = request.metadata.get("x-envoy-original-path", "").partition("?")[2]
    binding = _binding(request, policy) if query and policy is not None else None
    if binding is None:
        return
    of_path = {_spelling(name) for name in binding.path_fields}
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if _spelling(name) in of_path:
            raise InvalidArgument("PARAMETER_TWICE", f"{name} stands in the path already.", parameter=name)


def _spelling(name: str) -> str:
    """Gives one form of a field's name, which may be written job_id or jobId."""
    return name.partition(".")[0].replace("_", "").lower()


def _violation(proto: Any, binding: Binding | None, request: Request) -> Violation:
    path = _path(proto.field)
    if request.over_rest:
        path = (_place(path, binding, request), *_without_body_field(path, binding))
    return Violation(path, proto.message, proto.rule_id)


def _path(field: Any) -> tuple[str, ...]:
    """Names the field, with list indexes and map keys as parts of their own."""
    parts: list[str] = []
    for element in field.elements if field is not None else ():
        parts.append(element.field_name)
        subscript = getattr(element, "subscript", None)
        if subscript is not None:
            parts.append(str(getattr(subscript, "value", subscript)))
    return tuple(parts)


def _place(path: tuple[str, ...], binding: Binding | None, request: Request) -> str:
    if binding is None:
        return "query" if request.http_method in ("GET", "HEAD", "DELETE") else "body"
    if path and path[0] in {name.partition(".")[0] for name in binding.path_fields}:
        return "path"
    if binding.body == "*" or (binding.body and path[:1] == (binding.body,)):
        return "body"
    return "query"


def _without_body_field(path: tuple[str, ...], binding: Binding | None) -> tuple[str, ...]:
    # Where the body is one field, the sender never wrote that field's name.
    if binding is not None and binding.body not in ("", "*") and path[:1] == (binding.body,):
        return path[1:]
    return path


def _binding(request: Request, policy: Policy) -> Binding | None:
    same_method = [binding for binding in policy.bindings if binding.method == request.http_method]
    for binding in same_method:
        if re.fullmatch(_pattern(binding.path), request.path):
            return binding
    return same_method[0] if same_method else None


def _pattern(template: str) -> str:
    """Makes a pattern of a route such as `/api/v1/jobs/{job_id=ingest/*}`."""
    parts = re.split(r"(\{[^}]*\})", template)
    return "".join(r".+" if part.startswith("{") else re.escape(part) for part in parts)
