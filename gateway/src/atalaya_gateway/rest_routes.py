"""Routes of REST requests as they arrive: which paths there are, and what each refuses before any service is asked."""

from collections import defaultdict
from collections.abc import Iterable
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
    refused = [_refuse_content_type(entry, method) for method in sorted(entry.takes_json)]
    return [_refuse_method(entry), *refused, *_forward_all(entry)]


def _forward_all(entry: RestPath) -> list[JsonObject]:
    by_rpc: dict[str, list[str]] = defaultdict(list)
    for method, rpc in entry.methods.items():
        by_rpc[rpc.policy.full_method].append(method)
    # All other methods are refused by now, so the last rpc takes what is left, and of most paths it is the only one.
    *others, last = sorted(by_rpc.values(), key=lambda methods: "GET" in methods)
    named = [_forward(entry, method, method_is(method)) for methods in others for method in methods]
    return [*named, _forward(entry, last[0])]


def match(path: str, *headers: JsonObject) -> JsonObject:
    """Gives the match of a path with or without variables, and of headers."""
    if path_template.has_variable(path):
        # The sign of the beginning lets Envoy tell most other paths by a few bytes, and run the expression for few.
        matched: JsonObject = {"safe_regex": {"regex": f"^{path_template.as_regex(path)}"}}
    else:
        matched = {"path": path}
    return {**matched, "headers": list(headers)} if headers else matched


def method_is(method: str) -> JsonObject:
    """Gives the match of a request's method. It is compared as a whole: a request tries hundreds of routes, and regular
    expressions would take most of the time that the gateway needs for it."""
    return {"name": ":method", "string_match": {"exact": method}}


def method_is_none_of(methods: Iterable[str]) -> list[JsonObject]:
    """Gives the matches of a request with another method."""
    return [{**method_is(method), "invert_match": True} for method in sorted(methods)]


def _with_head(methods: Iterable[str]) -> list[str]:
    return [*methods, *(["HEAD"] if "GET" in methods else [])]


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
    wrong = method_is_none_of(_with_head(entry.methods))
    return refuse(match(entry.path, *wrong), 405, "allow", entry.allow)


def _refuse_content_type(entry: RestPath, method: str) -> JsonObject:
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
    matched = match(entry.path, method_is(method), named, other, full)
    return refuse(matched, 415, "accept", "application/json")


def _forward(entry: RestPath, method: str, *headers: JsonObject) -> JsonObject:
    # The transcoder makes the path the rpc's; the route found then (rpc_routes) sets timeouts and retries.
    rpc = entry.methods[method]
    route: JsonObject = {"match": match(entry.path, *headers), "route": {"cluster": rpc.cluster}}
    if rpc.streams_upload:
        route["typed_per_filter_config"] = {BODY_FILTER: disabled()}
    message = next(filter(None, (body_fields.message_of(rpc, binding) for binding in rpc.policy.bindings)), "")
    if message:
        route["metadata"] = {"filter_metadata": {"edge_lua": {"message": message}}}
    return route
