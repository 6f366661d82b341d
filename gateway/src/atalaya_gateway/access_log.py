"""What the gateway writes about every request: never a token, a key or a query string."""

from atalaya_gateway.typed import JsonObject, typed


def access_log() -> JsonObject:
    """Gives the log to standard output, one JSON object a line."""
    fields = {
        "time": "%START_TIME%",
        "event": "request",
        "method": "%REQUEST_HEADER(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
        "path": "%PATH(NQ:ORIG_OR_PATH)%",
        "rpc": "%PATH(NQ:PATH)%",
        "protocol": "%PROTOCOL%",
        "status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "milliseconds": "%DURATION%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
        "request_id": "%REQUEST_HEADER(X-REQUEST-ID)%",
        "traceparent": "%REQUEST_HEADER(TRACEPARENT)%",
        "peer": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "service": "%UPSTREAM_CLUSTER%",
        "tenant": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:token:tenant_id)%",
    }
    return {
        "name": "envoy.access_loggers.stdout",
        "typed_config": typed("access_log", log_format={"json_format": fields}),
    }
