"""Routes of REST requests as they arrive: which paths there are, and what each refuses before any service is asked."""

from collections import defaultdict
from dataclasses import dataclass, field

from atalaya_gateway import body_fields, contract, path_template
from atalaya_gateway.contract import Rpc
from atalaya_gateway.typed import JsonObject, disabled

BODY_FILTER = "envoy.filters.http.body_size_limit"
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
JSON_TYPE = r"(?i)application/([\w.+-]+\+)?json\s*(;.*)?"


@dataclass
class RestPath:
    """A path with the rpcs that answer its methods."""

    path: str
    methods: dict[str, Rpc] = field(default_factory=dict)
    takes_json: set[str] = field(default_factory=set)

    @property
    def allow(self) -> str:
        """The header Allow."""
        named = sorted(self.methods)
        return ", ".join([*named, *(["HEAD"] if "GET" in named else []), "OPTIONS"])


def rest_paths() -> list[RestPath]:
    """Gives every path once, the closer of two that match a request first."""
    found: dict[str, RestPath] = {}
    for rpc, binding in contract.routes():
        entry = found.setdefault(path_template.as_regex(binding.path), RestPath(binding.path))
        entry.methods[binding.method] = rpc
        if binding.body and not rpc.streams_upload:
            entry.takes_json.add(binding.method)
    return sorted(found.values(), key=lambda entry: path_template.specificity(entry.path))


def rest_routes() -> list[JsonObject]:
    """Gives the routes of all paths: wrong methods, wrong content types, then what goes on to the transcoder."""
    return [route for entry in rest_paths() for route in _routes_of(entry)]


def _routes_of(entry: RestPath) -> list[JsonObject]:
    routes = [_refuse_method(entry)]
    if entry.takes_json:
        routes.append(_refuse_content_type(entry))
    by_rpc: dict[str, list[str]] = defaultdict(list)
    for method, rpc in entry.methods.items():
        by_rpc[rpc.policy.full_method].append(method)
    return [*routes, *(_forward(entry, entry.methods[methods[0]], sorted(methods)) for methods in by_rpc.values())]


def match(path: str, *headers: JsonObject) -> JsonObject:
    """Gives the match of a path with or without variables, and of headers."""
    if path_template.has_variable(path):
        matched: JsonObject = {"safe_regex": {"regex": path_template.as_regex(path)}}
    else:
        matched = {"path": path}
    return {**matched, "headers": list(headers)} if headers else matched


def method_is(methods: list[str], *, not_these: bool = False) -> JsonObject:
    """Gives the match of a request's method."""
    header: JsonObject = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(sorted(methods))}}}
    return {**header, "invert_match": True} if not_these else header


def _with_head(methods: list[str]) -> list[str]:
    return [*methods, "HEAD"] if "GET" in methods else methods


def refuse(matched: JsonObject, status: int, header: str, value: str) -> JsonObject:
    """Gives a route that answers an error with one header of explanation."""
    return {
        "match": matched,
        "direct_response": {"status": status},
        "response_headers_to_add": [
            {"header": {"key": header, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
        "typed_per_filter_config": {TRANSCODER: disabled()},
    }


def _refuse_method(entry: RestPath) -> JsonObject:
    wrong = method_is(_with_head(list(entry.methods)), not_these=True)
    return refuse(match(entry.path, wrong), 405, "allow", entry.allow)


def _refuse_content_type(entry: RestPath) -> JsonObject:
    # A request without a body passes whatever it calls it, as `curl -d ""` does; one without a content type may have no
    # body, and what is no JSON the transcoder refuses.
    other = {"name": "content-type", "string_match": {"safe_regex": {"regex": JSON_TYPE}}, "invert_match": True}
    named = {"name": "content-type", "present_match": True}
    full: JsonObject = {
        "name": "content-length",
        "string_match": {"exact": "0"},
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }
    matched = match(entry.path, method_is(list(entry.takes_json)), named, other, full)
    return refuse(matched, 415, "accept", "application/json")


def _forward(entry: RestPath, rpc: Rpc, methods: list[str]) -> JsonObject:
    # The transcoder makes the path the rpc's; the route found then (rpc_routes) sets timeouts and retries.
    route: JsonObject = {
        "match": match(entry.path, method_is(_with_head(methods))),
        "route": {"cluster": rpc.cluster},
    }
    if rpc.streams_upload:
        route["typed_per_filter_config"] = {BODY_FILTER: disabled()}
    message = next(filter(None, (body_fields.message_of(rpc, binding) for binding in rpc.policy.bindings)), "")
    if message:
        route["metadata"] = {"filter_metadata": {"edge_lua": {"message": message}}}
    return route
