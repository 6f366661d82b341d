"""The bodies of the errors that Envoy itself answers, over REST as the services write theirs."""

from atalaya_gateway.typed import JsonObject

# Status, reason, and the sentence; where that is None Envoy's own words are told, for they say what was wrong.
ERRORS: tuple[tuple[int, str, str | None], ...] = (
    (400, "MALFORMED_REQUEST", None),
    (401, "TOKEN_INVALID", None),
    (403, "FORBIDDEN", None),
    (404, "ROUTE_NOT_FOUND", "There is no such route; /docs lists all of them."),
    (405, "METHOD_NOT_ALLOWED", "The route does not take this method; the header Allow lists those it takes."),
    (408, "REQUEST_TIMEOUT", "The request did not arrive in time."),
    (413, "PAYLOAD_TOO_LARGE", "The request's body is larger than this route takes."),
    (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "The route does not take this content type; the header Accept lists those it takes.",
    ),
    (429, "RATE_LIMITED", "Too many requests; try again later."),
    (431, "HEADERS_TOO_LARGE", "The request's headers are too large."),
    (501, "UNIMPLEMENTED", "This is not implemented."),
    (503, "UNAVAILABLE", "The service behind this route is away for the moment; try again."),
    (504, "DEADLINE_EXCEEDED", "The service behind this route did not answer in time."),
)
_OF_STATUS = {status: (code, detail) for status, code, detail in ERRORS}
RETRY_AFTER_SECONDS = {429: 1, 503: 1}


def local_reply_config() -> JsonObject:
    """Gives a mapper per status, and one for all other errors. Calls that came as gRPC stay as Envoy makes them, but
    for what is overloaded."""
    mappers = [_mapper("EQ", status, code, detail) for status, code, detail in ERRORS]
    return {"mappers": [*_away(), *_overflow(), _nul_in_path(), *mappers, _mapper("GE", 400, "GATEWAY_ERROR", None)]}


def _away() -> tuple[JsonObject, JsonObject]:
    # Envoy flags an overflow too where it was a repeat that found no room, after the service had not been met.
    flagged = {"response_flag_filter": {"flags": ["UF", "UC", "UR"]}}
    rest = _mapper("EQ", 503, *_OF_STATUS[503])
    rest["filter"]["and_filter"]["filters"].append(flagged)
    return rest, {"filter": flagged}


def _overflow() -> tuple[JsonObject, JsonObject]:
    # A cluster that has as many requests as its circuit breaker allows: told over REST, and then to gRPC callers.
    detail = "Too many such requests are in work right now; try again."
    flagged = {"response_flag_filter": {"flags": ["UO"]}}
    rest = _mapper("EQ", 503, "OVERLOADED", detail)
    rest["filter"]["and_filter"]["filters"].append(flagged)
    return rest, {
        "filter": flagged,
        "body_format_override": {"text_format_source": {"inline_string": detail}},
        "headers_to_add": rest["headers_to_add"],
    }


def _nul_in_path() -> JsonObject:
    # Envoy refuses it without a word.
    mapper = _mapper("EQ", 400, "MALFORMED_REQUEST", "The path has a NUL (%%00), which no name has.")
    has_nul = {"name": ":path", "string_match": {"safe_regex": {"regex": "[^?]*%00.*"}}}
    mapper["filter"]["and_filter"]["filters"].append({"header_filter": {"header": has_nul}})
    return mapper


def _mapper(operation: str, status: int, code: str, detail: str | None) -> JsonObject:
    body = {
        "detail": detail or "%LOCAL_REPLY_BODY%",
        "code": code,
        # One operator alone gives null for what could not even be read; two make a text, which then is empty.
        "request_id": "%REQUEST_HEADER(X-REQUEST-ID)%%REQUEST_HEADER(:NOTHING)%",
    }
    mapper: JsonObject = {
        "filter": {"and_filter": {"filters": [_status(operation, status), _came_as_rest()]}},
        "body_format_override": {"json_format": body, "omit_empty_values": True},
    }
    if status in RETRY_AFTER_SECONDS:
        header = {"key": "retry-after", "value": str(RETRY_AFTER_SECONDS[status])}
        mapper["headers_to_add"] = [{"header": header, "append_action": "ADD_IF_ABSENT"}]
    return mapper


def _status(operation: str, status: int) -> JsonObject:
    value = {"default_value": status, "runtime_key": f"local_reply.{operation.lower()}.{status}"}
    return {"status_code_filter": {"comparison": {"op": operation, "value": value}}}


def _came_as_rest() -> JsonObject:
    # The transcoder gives a REST call the content type of gRPC, and notes where it came from.
    transcoded = {"name": "x-envoy-original-path", "present_match": True}
    no_grpc = {
        "name": "content-type",
        "string_match": {"prefix": "application/grpc"},
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }
    return {
        "or_filter": {"filters": [{"header_filter": {"header": transcoded}}, {"header_filter": {"header": no_grpc}}]}
    }
