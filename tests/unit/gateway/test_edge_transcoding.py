"""What of a REST request becomes the message, and what does not (B-13)."""

from collections.abc import Callable

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
ACCOUNTS = "/api/v1/social-accounts"


async def test_an_unknown_parameter_is_refused(client: httpx.AsyncClient, bearer: Bearer) -> None:
    for query in ("months=3&unknown=1", "id_cuenta=18", "tenant_id=1", "limit.value=1"):
        response = await client.get(f"/crud/publicaciones/bcp?{query}", headers=bearer())

        assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_REQUEST"), query


@pytest.mark.parametrize(
    "path",
    [
        "/crud/publicaciones/bcp?usuario=bbva",
        "/crud/publicaciones/bcp?usu%61rio=bbva",
        "/crud/publicaciones/bcp?limit=1&usuario=",
        "/api/v1/jobs/ingest/01?job_id=ingest/02",
        "/api/v1/jobs/ingest/01?jobId=ingest/02",
    ],
)
async def test_a_field_of_the_path_is_not_said_again_in_the_query(
    client: httpx.AsyncClient, bearer: Bearer, path: str
) -> None:
    response = await client.get(path, headers=bearer())

    assert (response.status_code, response.json()["code"]) == (400, "PARAMETER_TWICE")


async def test_a_field_of_the_path_is_not_said_again_in_the_body(client: httpx.AsyncClient, bearer: Bearer) -> None:
    response = await client.post("/regression/train/bcp", json={"username": "bbva"}, headers=bearer())

    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    "body",
    [
        '{"platform": ["csv", "x"], "username": "bcp"}',
        '{"platform": {"a": 1}, "username": "bcp"}',
        '{"platform": "csv", "username": "bcp"',
        '{"platform": "csv", "username": "bcp"} trailing',
        "[]",
        '"text"',
        "\xff\xfe",
    ],
)
async def test_a_body_of_another_form_is_refused(client: httpx.AsyncClient, bearer: Bearer, body: str) -> None:
    headers = {**bearer(), "content-type": "application/json"}

    response = await client.post(ACCOUNTS, content=body.encode("latin-1"), headers=headers)

    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"platform": "csv", "user_name": "bcp"}', "user_name"),
        ('{"platform": "csv", "username": "b\\"{,}", "tenant_id": "another"}', "tenant_id"),
        ('{"username": "bcp", "nested": {"deep": [1, 2]}, "platform": "csv"}', "nested"),
        ('{ "<script>" :1}', "?script?"),
    ],
)
async def test_an_unknown_field_of_a_body_is_named(
    client: httpx.AsyncClient, bearer: Bearer, body: str, name: str
) -> None:
    headers = {**bearer(), "content-type": "application/json"}

    response = await client.post(ACCOUNTS, content=body, headers=headers)

    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_REQUEST")
    assert response.json()["detail"] == f"The body has a field that there is not: {name}"
    assert response.json()["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    "body",
    [
        '{"platform": "csv", "username": "bcp"}',
        ' { "username" : "b, \\"user_name\\": {" , "platform":"csv"\n}',
        '{"\\u0075sername": "bcp", "platform": "csv"}',
    ],
)
async def test_the_fields_that_a_message_has_are_taken_however_they_are_written(
    client: httpx.AsyncClient, bearer: Bearer, body: str
) -> None:
    headers = {**bearer(), "content-type": "application/json"}

    assert (await client.post(ACCOUNTS, content=body, headers=headers)).status_code == 200


async def test_a_body_nested_without_end_is_refused(client: httpx.AsyncClient, bearer: Bearer) -> None:
    body = '{"unknown":' * 100_000
    headers = {**bearer(), "content-type": "application/json"}

    response = await client.post(ACCOUNTS, content=body, headers=headers)

    assert response.status_code in (400, 413)
    assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize("path", ["/grpc.health.v1.Health/Check", "/atalaya.tenancy.v1.TenantDataService/Erase"])
async def test_what_is_not_for_the_public_is_not_to_be_reached(
    client: httpx.AsyncClient, bearer: Bearer, path: str
) -> None:
    as_rest = await client.post(path, json={}, headers=bearer())
    as_grpc = await client.post(path, content=b"\0" * 5, headers={**bearer(), "content-type": "application/grpc"})

    assert as_rest.status_code == 404
    # UNIMPLEMENTED.
    assert as_grpc.headers["grpc-status"] == "12"
