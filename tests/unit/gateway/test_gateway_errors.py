"""Every status of the contract of errors, through a real Envoy."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from atalaya_gateway.media_types import accepted

Bearer = Callable[..., dict[str, str]]
LOGIN = "/api/v1/auth/login"


def told(response: httpx.Response) -> dict[str, Any]:
    """Gives the error's body after a look at its form."""
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert set(body) == {"detail", "code", "request_id"}
    assert body["request_id"] == response.headers["x-request-id"]
    assert not {name for name in response.headers if name.startswith(("x-error", "x-http", "grpc-"))}
    return body


async def test_what_is_no_json_is_400(client: httpx.AsyncClient) -> None:
    response = await client.post(LOGIN, content=b'{"email"', headers={"content-type": "application/json"})

    assert (response.status_code, told(response)["code"]) == (400, "MALFORMED_REQUEST")


async def test_a_field_of_the_wrong_type_is_400(client: httpx.AsyncClient) -> None:
    response = await client.post(LOGIN, json={"email": ["a", "b"], "password": "x"})

    assert (response.status_code, told(response)["code"]) == (400, "MALFORMED_REQUEST")


async def test_an_unknown_parameter_is_400_and_named(client: httpx.AsyncClient) -> None:
    response = await client.get("/health", params={"verbose": "1"})

    assert response.status_code == 400
    assert "verbose" in told(response)["detail"]


async def test_a_broken_rule_is_400(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/reversed", headers=bearer())

    assert (response.status_code, told(response)["code"]) == (400, "DATE_RANGE_REVERSED")


async def test_a_missing_token_is_401_with_a_challenge(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/users/me")

    assert (response.status_code, told(response)["code"]) == (401, "TOKEN_REQUIRED")
    assert response.headers["www-authenticate"].startswith('Bearer realm="atalaya"')


@pytest.mark.parametrize("token", ["no-jwt", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
@pytest.mark.parametrize("path", ["/api/v1/users/me", "/health"])
async def test_a_bad_token_is_401_on_public_routes_too(client: httpx.AsyncClient, path: str, token: str) -> None:
    response = await client.get(path, headers={"authorization": f"Bearer {token}"})

    assert (response.status_code, told(response)["code"]) == (401, "TOKEN_INVALID")
    # The edge's own words: the service was not asked.
    assert response.headers["www-authenticate"] == 'Bearer realm="atalaya", error="invalid_token"'


async def test_an_old_token_is_401(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/api/v1/users/me", headers=bearer(exp=1_700_000_100))

    assert (response.status_code, told(response)["code"]) == (401, "TOKEN_EXPIRED")
    # The edge's own words: the service was not asked.
    assert response.headers["www-authenticate"] == 'Bearer realm="atalaya", error="invalid_token"'


async def test_a_token_in_the_query_does_not_count(client: httpx.AsyncClient, bearer: Bearer) -> None:
    token = bearer()["authorization"].removeprefix("Bearer ")

    response = await client.get("/api/v1/users/me", params={"access_token": token})

    assert response.status_code == 400


async def test_wrong_credentials_are_401_as_the_service_says(client: httpx.AsyncClient) -> None:
    response = await client.post(LOGIN, json={"email": "a@example.com", "password": "x"})

    assert (response.status_code, told(response)["code"]) == (401, "BAD_CREDENTIALS")


async def test_a_role_that_does_not_suffice_is_403(client: httpx.AsyncClient, bearer: Bearer) -> None:
    account = {"platform": "csv", "username": "bcp"}

    response = await client.post("/api/v1/social-accounts", json=account, headers=bearer("viewer"))

    assert (response.status_code, told(response)["code"]) == (403, "ROLE_NOT_SUFFICIENT")


@pytest.mark.parametrize("path", ["/nothing", "/atalaya.auth.v1.AuthService/Nothing", "/crud/publicaciones/"])
async def test_an_unknown_route_is_404(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)

    assert (response.status_code, told(response)["code"]) == (404, "ROUTE_NOT_FOUND")


async def test_rest_cannot_reach_an_rpc_by_its_own_path(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.post("/atalaya.auth.v1.UsersService/GetMe", json={}, headers=bearer())

    assert (response.status_code, told(response)["code"]) == (404, "ROUTE_NOT_FOUND")


async def test_a_missing_thing_is_404_as_the_service_says(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/api/v1/rfm/cliente/missing", headers=bearer())

    assert (response.status_code, told(response)["code"]) == (404, "CUSTOMER_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/health", "GET, HEAD, OPTIONS"),
        ("GET", LOGIN, "POST, OPTIONS"),
        ("PATCH", "/api/v1/social-accounts", "GET, POST, HEAD, OPTIONS"),
        ("PUT", "/regression/train/bcp", "GET, POST, HEAD, OPTIONS"),
        ("GET", "/api/v1/jobs/ingest/1:cancel", "POST, OPTIONS"),
        ("POST", "/openapi.json", "GET, HEAD, OPTIONS"),
        ("OPTIONS", "/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_405_with_the_right_ones(
    client: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await client.request(method, path)

    assert (response.status_code, told(response)["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == allow


async def test_a_conflict_is_409(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.post("/api/v1/jobs/ingest/1:cancel", headers=bearer())

    assert (response.status_code, told(response)["code"]) == (409, "JOB_ENDED")


async def test_a_json_body_over_the_limit_is_413(client: httpx.AsyncClient) -> None:
    response = await client.post(LOGIN, json={"email": "a" * 1_100_000, "password": "x"})

    assert (response.status_code, told(response)["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/csv", "application/jsonp"])
async def test_another_content_type_than_json_is_415(client: httpx.AsyncClient, content_type: str) -> None:
    response = await client.post(LOGIN, content=b"email=a", headers={"content-type": content_type})

    assert (response.status_code, told(response)["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert response.headers["accept"] == "application/json"


async def test_an_empty_body_is_taken_whatever_its_content_type(client: httpx.AsyncClient, bearer: Bearer) -> None:
    headers = {**bearer(), "content-type": "application/x-www-form-urlencoded"}
    response = await client.post("/regression/train/bcp", content=b"", headers=headers)

    assert response.status_code != 415, response.text


async def test_a_file_of_another_type_is_415_and_told_which_it_may_be(
    client: httpx.AsyncClient, bearer: Bearer
) -> None:
    response = await client.post("/api/v1/data/import?kind=posts", json={"a": 1}, headers=bearer())

    assert (response.status_code, told(response)["code"]) == (415, "UNSUPPORTED_FILE_TYPE")
    assert response.headers["accept"].startswith("text/csv, ")
    assert response.headers["accept"] == ", ".join(accepted("/atalaya.ingest.v1.DataService/ImportData"))


async def test_a_broken_limit_is_422_with_its_place(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/bcp", params={"limit": "1001"}, headers=bearer())

    assert (response.status_code, told(response)["code"]) == (422, "INVALID_REQUEST")
    assert response.json()["detail"][0]["loc"] == ["query", "limit"]


async def test_the_words_of_an_error_keep_their_letters(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/broken", headers=bearer())

    assert (response.status_code, told(response)["detail"]) == (422, "The file lacks a column: «año».")


async def test_headers_over_the_limit_are_431(client: httpx.AsyncClient) -> None:
    response = await client.get("/health", headers={"x-large": "a" * 40_000})

    assert response.status_code == 431
    assert response.json() == {
        "detail": "The request's headers are too large.",
        "code": "HEADERS_TOO_LARGE",
        "request_id": "",
    }


@pytest.mark.parametrize("line", [b"NONSENSE", b"GET /caf\xc3\xa9 HTTP/1.1", b"GET /a\x00b HTTP/1.1"])
async def test_what_is_no_http_is_400(edge: Any, line: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(line + b"\r\nhost: atalaya\r\n\r\n")
    reply = await reader.read()
    writer.close()

    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["code"] == "MALFORMED_REQUEST"
    assert json.loads(body)["request_id"] == ""


async def test_a_path_with_a_nul_is_400_and_says_so(client: httpx.AsyncClient) -> None:
    response = await client.get(httpx.URL(client.base_url, raw_path=b"/crud/publicaciones/b%00cp"))

    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_REQUEST")
    assert response.json()["detail"] == "The path has a NUL (%00), which no name has."


async def test_too_many_calls_are_429_and_told_when_to_come_again(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/busy", headers=bearer())

    assert (response.status_code, told(response)["code"]) == (429, "TOO_MANY_ATTEMPTS")
    assert response.headers["retry-after"] == "7"


async def test_the_unforeseen_is_500(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/crash", headers=bearer())

    assert (response.status_code, told(response)["code"]) == (500, "INTERNAL")


async def test_an_rpc_that_a_service_lacks_is_501(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/api/v1/insights/sentiment", headers=bearer())

    assert (response.status_code, told(response)["code"]) == (501, "UNIMPLEMENTED")


async def test_what_is_away_behind_a_service_is_503(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/away", headers=bearer())

    assert (response.status_code, told(response)["code"]) == (503, "LAKE_UNAVAILABLE")
    assert response.headers["retry-after"] == "3"


async def test_what_takes_too_long_behind_a_service_is_504(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/late", headers=bearer())

    assert (response.status_code, told(response)["code"]) == (504, "QUERY_TIMEOUT")
