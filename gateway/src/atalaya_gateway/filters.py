"""The HTTP filters in their order: what is refused early costs least, and identity is checked on the rpc's own path."""

from importlib import resources

from atalaya_gateway import body_fields, contract
from atalaya_gateway.clusters import JWKS_CLUSTER
from atalaya_gateway.typed import JsonObject, http_filter, typed

LARGEST_FILE_BODY = 4 * 1024 * 1024
LARGEST_REPLY = 16 * 1024 * 1024
COMPRESSED = r"(application/(json|javascript|jwk-set\+json)|text/(html|css|csv|javascript|plain)).*"


def public_filters() -> list[JsonObject]:
    """Gives the filters of the public port."""
    return [
        _health_check(),
        http_filter("cors"),
        http_filter("grpc_web"),
        _compressor(),
        http_filter("body_size_limit", max_request_bytes="${MAX_CONTENT_LENGTH}"),
        _lua("edge", body_fields.lua_table() + "".join(map(_script, ("fields", "refused", "edge")))),
        # Before the token's check, so that one rule per rpc holds for REST, gRPC and gRPC-web alike.
        _transcoder(),
        _token_check(),
        _lua("token", _script("token")),
        http_filter("router", suppress_envoy_headers=True),
    ]


def _transcoder() -> JsonObject:
    return http_filter(
        "grpc_json_transcoder",
        proto_descriptor="${DESCRIPTORS}",
        services=list(contract.services()),
        print_options={"preserve_proto_field_names": True, "always_print_primitive_fields": True},
        convert_grpc_status=True,
        query_param_unescape_plus=True,
        case_insensitive_enum_parsing=True,
        max_request_body_size=LARGEST_FILE_BODY,
        max_response_body_size=LARGEST_REPLY,
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
    )


def _health_check() -> JsonObject:
    # Tells that the gateway itself stands; it turns to 503 while it drains. /health tells about the suite.
    path = {"name": ":path", "string_match": {"exact": "/healthz"}}
    return http_filter("health_check", pass_through_mode=False, headers=[path])


def _compressor() -> JsonObject:
    return http_filter(
        "compressor",
        response_direction_config={
            "common_config": {
                "min_content_length": 500,
                "content_type_matcher": [{"safe_regex": {"regex": COMPRESSED}}],
            }
        },
        compressor_library={"name": "gzip", "typed_config": typed("gzip", compression_level="COMPRESSION_LEVEL_4")},
    )


def _lua(name: str, source: str) -> JsonObject:
    # A route is looked for anew only where a script says so: that takes a tenth of a request's time here.
    fields = {"default_source_code": {"inline_string": source}, "clear_route_cache": False}
    return {"name": f"{name}_lua", "typed_config": typed("lua", **fields)}


def _script(name: str) -> str:
    return (resources.files("atalaya_gateway") / f"{name}.lua").read_text(encoding="utf-8")


def _token_check() -> JsonObject:
    rules = [
        {"match": {"path": rpc.policy.full_method}, "requires": {"requires_any": {"requirements": _either()}}}
        for rpc in contract.rpcs()
    ]
    return http_filter("jwt_authn", providers={"atalaya": _provider()}, rules=rules)


def _either() -> list[JsonObject]:
    # That a token is missing is for the service to say, which also knows API keys. One that fails, on public rpcs too,
    # is refused by the filter after this one, unless it only could not be judged.
    return [{"provider_name": "atalaya"}, {"allow_missing_or_failed": {}}]


def _provider() -> JsonObject:
    return {
        "issuer": "${JWT_ISSUER}",
        "audiences": ["${JWT_AUDIENCE}"],
        "forward": True,
        "require_expiration": True,
        # Named, because otherwise a token in the query string would count.
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": "token",
        "failed_status_in_metadata": "refused",
        "clock_skew_seconds": 30,
        "jwt_cache_config": {"jwt_cache_size": 1000},
        "remote_jwks": {
            "http_uri": {"uri": "http://gateway/.well-known/jwks.json", "cluster": JWKS_CLUSTER, "timeout": "2s"},
            "cache_duration": "${JWKS_CACHE}",
            # Serving begins before auth answers; keys are fetched in the background, each second where that fails.
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
            "retry_policy": {"num_retries": 1},
        },
    }
