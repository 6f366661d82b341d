"""Good replies over REST: statuses, uploads, paths, headers, pages."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from support.backend_servicer import ERRORS

Bearer = Callable[..., dict[str, str]]
CHUNK = b"0123456789abcde\n" * 4096
CHUNKS = 800


async def test_zeros_and_empty_texts_are_there(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/api/v1/rfm/cliente/17", headers=bearer())

    assert response.status_code == 200
    assert response.json() == {
        "id_cuenta": "17",
        "recencia": 0,
        "frecuencia": 0,
        "monto": 0,
        "r": 0,
        "f": 0,
        "m": 0,
        "rfm": "",
        "segmento": "",
        "beneficios": [],
        "as_of": "",
    }


async def test_what_is_made_is_201(client: httpx.AsyncClient) -> None:
    person = {"email": "rosa@example.com", "password": "long enough to do", "full_name": "Rosa"}

    response = await client.post("/api/v1/auth/register", json=person)

    assert response.status_code == 201
    assert "x-http-status" not in response.headers


async def test_a_job_is_202(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.post(
        "/api/v1/data/import?kind=posts", content=b"a,b\n", headers={**bearer(), "content-type": "text/csv"}
    )

    assert (response.status_code, response.json()["job_id"]) == (202, "ingest/posts")


async def test_an_idempotency_key_reaches_the_service(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/bcp", headers={**bearer(), "Idempotency-Key": "k"})

    assert response.json()[0]["headers"]["idempotency-key"] == "k"


REJECTED = "/api/v1/data/imports/ingest/0192f3/rejected"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (REJECTED, "text/csv"),
        (REJECTED, "TEXT/CSV;q=0.9, application/json;q=0.1"),
        (f"{REJECTED}.csv", "*/*"),
        ("/api/v1/data/imports/ingest%2F0192f3/rejected", "text/csv"),
    ],
)
async def test_rejected_rows_are_a_file_for_who_asks_for_csv(
    client: httpx.AsyncClient, bearer: Bearer, path: str, accept: str
) -> None:
    response = await client.get(path, headers={**bearer(), "accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert response.headers["content-disposition"] == 'attachment; filename="rejected.csv"'
    assert response.text == "line,reason\r\n7,ingest/0192f3\r\n"


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/csv", ""])
async def test_rejected_rows_are_a_list_for_everybody_else(
    client: httpx.AsyncClient, bearer: Bearer, accept: str
) -> None:
    response = await client.get(f"{REJECTED}?page_size=5", headers={**bearer(), "accept": accept})

    assert (response.status_code, response.json()["rows"][0]["line"]) == (200, 7)


async def test_no_other_path_becomes_a_file(client: httpx.AsyncClient, bearer: Bearer) -> None:
    headers = {**bearer(), "accept": "text/csv"}
    assert (await client.get("/api/v1/jobs/ingest/rejected", headers=headers)).json()["job_id"] == "ingest/rejected"
    assert (await client.post(REJECTED, headers=headers)).status_code == 405
    assert (await client.get("/api/v1/data/imports/rejected", headers=headers)).status_code == 404


@pytest.mark.parametrize("announced", [True, False])
async def test_an_upload_of_fifty_megabytes_arrives(client: httpx.AsyncClient, bearer: Bearer, announced: bool) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(CHUNKS):
            yield CHUNK

    length = {"content-length": str(len(CHUNK) * CHUNKS)} if announced else {}
    headers = {**bearer(), "content-type": "text/csv", **length}

    response = await client.post("/api/v1/data/import?kind=metrics", content=parts(), headers=headers, timeout=60)

    assert (response.status_code, response.json()["bytes_received"]) == (202, len(CHUNK) * CHUNKS)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/crud/publicaciones/Cr%C3%A9dito%20del%20Per%C3%BA", "Crédito del Perú"),
        ("/crud/publicaciones/%40bcp%2Bbbva", "@bcp+bbva"),
        ("/crud//publicaciones/./bcp", "bcp"),
        ("/crud/x/../publicaciones/bcp", "bcp"),
        ("/crud/publicaciones/100%25", "100%"),
    ],
)
async def test_a_path_is_read_as_it_is_meant(client: httpx.AsyncClient, bearer: Bearer, path: str, name: str) -> None:
    response = await client.get(path, headers=bearer())

    assert response.status_code == 200
    assert response.json()[0]["contenido"] == name


@pytest.mark.parametrize("path", ["/api/v1/jobs/ingest/01", "/api/v1/jobs/ingest%2F01", "/api/v1/jobs/ingest%2f01"])
async def test_a_job_is_found_with_its_slash_in_either_form(
    client: httpx.AsyncClient, bearer: Bearer, path: str
) -> None:
    response = await client.get(path, headers=bearer())

    assert (response.status_code, response.json()["job_id"]) == (200, "ingest/01")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/users/me",
        "/api/v1/users/%6De",
        "/api//v1/users/me",
        "/health/../api/v1/users/me",
        "/health/..%2Fapi/v1/users/me",
        "/API/V1/users/me",
        "/api/v1/users/me/",
        "/api/v1/users/me;x",
        "/openapi.json/../api/v1/users/me",
        "/docs%2F..%2Fapi/v1/users/me",
    ],
)
async def test_no_form_of_a_path_opens_a_closed_route(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(httpx.URL(client.base_url, raw_path=path.encode()))

    assert response.status_code in (400, 401, 404, 405)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("2026-11-26T08:30:00Z", "2026-11-26T08:30:00Z"),
        ("2026-11-26T08:30:00.125Z", "2026-11-26T08:30:00.125Z"),
        ("2026-11-26T08:30:00-05:00", "2026-11-26T13:30:00Z"),
    ],
)
async def test_a_time_may_stand_in_the_query(client: httpx.AsyncClient, bearer: Bearer, asked: str, told: str) -> None:
    response = await client.get("/api/v1/audit-events", params={"start_time": asked}, headers=bearer())

    assert response.status_code == 200, response.text
    assert response.json()["events"][0]["time"] == told


@pytest.mark.parametrize("parameter", ["start_time=yesterday", "start_time="])
async def test_what_is_no_time_is_400(client: httpx.AsyncClient, bearer: Bearer, parameter: str) -> None:
    response = await client.get(f"/api/v1/audit-events?{parameter}", headers=bearer())

    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_REQUEST")


async def test_head_is_get_without_a_body(client: httpx.AsyncClient, bearer: Bearer) -> None:
    full = await client.get("/health")

    response = await client.head("/health")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == full.headers["content-type"]
    assert (await client.head("/api/v1/users/me")).status_code == 401
    assert (await client.head("/api/v1/users/me", headers=bearer())).status_code == 200


async def test_head_has_no_body_where_the_reply_would_be_compressed(edge: Any, bearer: Bearer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    person = f"authorization: {bearer()['authorization']}\r\nhost: atalaya\r\naccept-encoding: gzip\r\n"
    for method, more in (("HEAD", ""), ("GET", "connection: close\r\n")):
        writer.write(f"{method} /crud/publicaciones/bcp HTTP/1.1\r\n{person}{more}\r\n".encode())
    replies = await reader.read()
    writer.close()

    head, _, behind = replies.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    # Whoever keeps the connection reads the next reply right behind the first.
    assert behind.startswith(b"HTTP/1.1 200")
    assert b"content-encoding: gzip" in behind


@pytest.mark.parametrize("reason", ["forbidden", "missing", "away"])
async def test_head_tells_errors_by_their_status(client: httpx.AsyncClient, bearer: Bearer, reason: str) -> None:
    response = await client.head(f"/crud/publicaciones/{reason}", headers=bearer())

    assert (response.status_code, response.content) == (ERRORS[reason].http_status, b"")


async def test_inner_headers_of_a_caller_do_not_reach_a_service(client: httpx.AsyncClient, bearer: Bearer) -> None:
    faked = {
        "x-envoy-original-path": "/faked",
        "x-envoy-external-address": "9.9.9.9",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-http-status": "299",
        "x-error-body": "e30=",
        "x-user": "root",
        "x-tenant-id": "1",
        "x-original-url": "/api/v1/users/me",
    }

    response = await client.get("/crud/publicaciones/bcp", headers={**bearer(), **faked})

    seen = response.json()[0]["headers"]
    assert seen["x-envoy-original-path"] == "/crud/publicaciones/bcp"
    assert seen["x-envoy-external-address"] == "127.0.0.1"
    assert not {"x-http-status", "x-error-body", "x-user", "x-tenant-id", "x-original-url"} & set(seen)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("trace-bin", "no base64!"),
        ("grpc-status-details-bin", "no base64!"),
        ("grpc-timeout", "soon"),
        ("grpc-timeout", "123456789012S"),
    ],
)
async def test_what_grpc_cannot_read_in_a_header_spoils_no_rest_call(
    client: httpx.AsyncClient, bearer: Bearer, header: str, value: str
) -> None:
    response = await client.get("/api/v1/users/me", headers={**bearer(), header: value})

    assert response.status_code == 200, response.text


async def test_an_api_key_as_a_bearer_token_becomes_the_key_header(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/users/me", headers={"authorization": "Bearer atl_0123456789"})

    # Not TOKEN_INVALID, as the token's check at the edge would say: the service sees a key, though not one of its own.
    assert (response.status_code, response.json()["code"]) == (401, "BAD_API_KEY")


async def test_a_trace_begins_at_the_edge_and_goes_on_to_the_service(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.get("/crud/publicaciones/bcp", headers=bearer())

    seen = response.json()[0]["headers"]
    assert seen["traceparent"].split("-")[1] == response.headers["x-request-id"].replace("-", "")


async def test_a_page_elsewhere_may_not_read_and_a_local_one_may(client: httpx.AsyncClient) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}

    local = await client.options("/auth/login", headers={"origin": "http://localhost:3000", **asks})
    elsewhere = await client.options("/auth/login", headers={"origin": "https://evil.example", **asks})

    assert local.status_code == 200
    assert local.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "access-control-allow-origin" not in elsewhere.headers


async def test_large_replies_are_compressed(client: httpx.AsyncClient) -> None:
    response = await client.get("/openapi.json", headers={"accept-encoding": "gzip"})

    assert response.headers["content-encoding"] == "gzip"
    assert response.json()["openapi"].startswith("3.1")


async def test_the_log_has_the_request_and_no_secret(client: httpx.AsyncClient, bearer: Bearer, edge: object) -> None:
    headers = bearer()

    response = await client.get("/crud/publicaciones/bcp?hasta=2025-12-31", headers=headers)

    log = edge.log  # type: ignore[attr-defined]
    request_id = response.headers["x-request-id"]
    async with asyncio.timeout(60):
        while request_id not in log.read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    line = next(json.loads(line) for line in log.read_text().splitlines() if request_id in line)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/crud/publicaciones/bcp", 200)
    assert headers["authorization"].removeprefix("Bearer ") not in log.read_text()
    assert "2025-12-31" not in log.read_text()
