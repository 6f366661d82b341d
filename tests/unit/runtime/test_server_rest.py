"""What the gateway needs to make a REST reply comes as initial metadata, and only to the gateway."""

import base64
import json
from contextlib import suppress
from typing import Any

import grpc
import pytest
from service_runtime import errors
from service_runtime.rest import set_reply_header, set_success_status
from support.running import refusal
from support.sample_rpcs import Request, SampleBinding, SamplePolicy, SampleServers

ROUTES = SamplePolicy(
    public=True,
    success_status=201,
    bindings=(
        SampleBinding("GET", "/rows"),
        SampleBinding("GET", "/jobs/{job_id=ingest/*}/rows", frozenset({"job_id"})),
        SampleBinding("POST", "/rows", body="*"),
        SampleBinding("PUT", "/jobs/{job_id}", frozenset({"job_id"}), body="page_token"),
    ),
)


def over_rest(path: str = "/rows", method: str = "GET", **more: str) -> tuple[tuple[str, str], ...]:
    return (("x-envoy-original-path", path), ("x-envoy-original-method", method), *more.items())


async def behave(word: str) -> str:
    match word:
        case "accepted":
            set_success_status(202)
            set_reply_header("Content-Disposition", 'attachment; filename="a.csv"')
        case "unavailable":
            raise errors.Unavailable("LAKE_UNAVAILABLE", "The lake is away.", retry_after=5)
        case "unauthenticated":
            raise errors.Unauthenticated("BAD_CREDENTIALS", "The password is wrong.")
        case word if word.startswith("401 "):
            raise errors.Unauthenticated(word.removeprefix("401 "), "That does not hold.")
        case "columns":
            raise errors.Unprocessable("COLUMN_MISSING", "The file lacks the column monto.")
        case "long":
            raise errors.InvalidArgument("LONG", "ñ" * 100_000)
    return word


async def headers(call: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = dict(await call.initial_metadata())
    if "x-error-body" in metadata:
        metadata["body"] = json.loads(base64.b64decode(metadata.pop("x-error-body")))
    with suppress(grpc.aio.AioRpcError):
        await call
    return metadata


async def test_success_has_the_status_of_the_contract_or_the_servicers(rpcs: SampleServers) -> None:
    async with rpcs.serving(behave, ROUTES) as stub:
        usual = await headers(stub.one(Request(job_id="x"), metadata=over_rest()))
        accepted = await headers(stub.one(Request(job_id="accepted"), metadata=over_rest()))
        over_grpc = await headers(stub.one(Request(job_id="x")))
    assert usual["x-http-status"] == "201"
    assert accepted["x-http-status"] == "202"
    assert accepted["content-disposition"] == 'attachment; filename="a.csv"'
    assert "x-http-status" not in over_grpc


async def test_a_stream_has_its_status_before_the_first_reply(rpcs: SampleServers) -> None:
    async with rpcs.serving(behave, ROUTES) as stub:
        call = stub.many(Request(job_id="accepted b"), metadata=over_rest())
        assert [reply.job_id async for reply in call] == ["accepted", "b"]
        assert dict(await call.initial_metadata())["x-http-status"] == "202"


async def test_an_error_brings_its_body_and_headers(rpcs: SampleServers) -> None:
    async with rpcs.serving(behave, ROUTES) as stub:
        away = await headers(
            stub.one(Request(job_id="unavailable"), metadata=over_rest(**{"x-request-id": "my-request"}))
        )
        unknown = await headers(stub.one(Request(job_id="unauthenticated"), metadata=over_rest()))
        over_grpc = await headers(stub.one(Request(job_id="unavailable")))
    assert (away["x-http-status"], away["retry-after"]) == ("503", "5")
    assert away["body"] == {"detail": "The lake is away.", "code": "LAKE_UNAVAILABLE", "request_id": "my-request"}
    assert unknown["www-authenticate"].startswith("Bearer")
    assert "body" not in over_grpc


@pytest.mark.parametrize("reason", ["TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED", "BAD_API_KEY"])
async def test_what_was_sent_and_does_not_hold_is_called_an_invalid_token(rpcs: SampleServers, reason: str) -> None:
    async with rpcs.serving(behave, ROUTES) as stub:
        told = await headers(stub.one(Request(job_id=f"401 {reason}"), metadata=over_rest()))
        other = await headers(stub.one(Request(job_id="401 TOKEN_REQUIRED"), metadata=over_rest()))
    assert told["www-authenticate"] == 'Bearer realm="atalaya", error="invalid_token"'
    assert other["www-authenticate"] == 'Bearer realm="atalaya"'


async def test_a_request_id_that_could_harm_the_log_is_replaced(rpcs: SampleServers) -> None:
    async with rpcs.serving(behave, ROUTES) as stub:
        metadata = over_rest(**{"x-request-id": 'a" injected'})
        body = (await headers(stub.one(Request(job_id="unavailable"), metadata=metadata)))["body"]
    assert len(body["request_id"]) == 32


@pytest.mark.parametrize(
    ("path", "method", "place"),
    [
        ("/rows?job_id=x", "GET", ["query", "job_id"]),
        ("/jobs/ingest/1/rows", "GET", ["path", "job_id"]),
        ("/rows", "POST", ["body", "job_id"]),
        ("/jobs/1", "PUT", ["path", "job_id"]),
        ("/unknown", "DELETE", ["query", "job_id"]),
    ],
)
async def test_a_broken_limit_says_where_it_was_broken(
    rpcs: SampleServers, path: str, method: str, place: list[str]
) -> None:
    async with rpcs.serving(behave, ROUTES) as stub:
        found = await headers(stub.one(Request(job_id="x" * 101), metadata=over_rest(path, method)))
    assert found["x-http-status"] == "422"
    assert found["body"]["code"] == "INVALID_REQUEST"
    [entry] = found["body"]["detail"]
    assert (entry["loc"], entry["type"]) == (place, "string.max_len")
    assert "100" in entry["msg"]


async def test_the_body_fields_own_name_is_not_part_of_the_place(rpcs: SampleServers) -> None:
    async with rpcs.serving(behave, ROUTES) as stub:
        request = Request(job_id="x", page_token="x" * 2049)
        found = await headers(stub.one(request, metadata=over_rest("/jobs/x", "PUT")))
    assert found["body"]["detail"][0]["loc"] == ["body"]


async def test_422_without_violations_has_a_text(rpcs: SampleServers) -> None:
    async with rpcs.serving(behave, ROUTES) as stub:
        found = await headers(stub.one(Request(job_id="columns"), metadata=over_rest()))
    assert found["x-http-status"] == "422"
    assert found["body"]["detail"] == "The file lacks the column monto."


async def test_lists_and_texts_are_cut_to_what_a_header_can_hold(rpcs: SampleServers) -> None:
    async def break_much(_word: str) -> str:
        violations = [errors.Violation(("field",) * 5, "ñ" * 500, "rule") for _ in range(100)]
        raise errors.Unprocessable("INVALID_REQUEST", "many", violations=violations)

    async with rpcs.serving(break_much, ROUTES) as stub:
        assert (await refusal(stub.one(Request(job_id="x")))).reason == "INVALID_REQUEST"
        listed = await headers(stub.one(Request(job_id="x"), metadata=over_rest()))
    async with rpcs.serving(behave, ROUTES) as stub:
        long = await headers(stub.one(Request(job_id="long"), metadata=over_rest()))
        over_grpc = await refusal(stub.one(Request(job_id="long")))
    assert 0 < len(listed["body"]["detail"]) <= 20
    assert long["body"]["code"] == over_grpc.reason == "LONG"
