"""How the loader speaks with the API; the whole way is walked by the system tests."""

from collections.abc import Callable

import httpx
import pytest
from local_suite.demo.api import Api
from local_suite.demo.files import ImportFile
from local_suite.errors import SuiteError

FILE = ImportFile({"kind": "dataset", "dataset": "mysql/users"}, 1, b"id\n1\n")


def api(answer: Callable[[httpx.Request], httpx.Response]) -> Api:
    return Api(httpx.AsyncClient(base_url="http://gateway", transport=httpx.MockTransport(answer)), "the-token")


async def test_a_file_is_handed_over_with_its_parameters_and_the_companys_token() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"job_id": "ingest/1"})

    assert await api(answer).upload(FILE) == "ingest/1"
    assert (seen[0].method, seen[0].url.path, dict(seen[0].url.params)) == (
        "POST",
        "/api/v1/data/import",
        FILE.parameters,
    )
    assert (seen[0].content, seen[0].headers["authorization"]) == (FILE.body, "Bearer the-token")


async def test_a_limit_is_waited_for_as_the_reply_says() -> None:
    replies = [httpx.Response(429, headers={"Retry-After": "0"}), httpx.Response(503, headers={"Retry-After": "0"})]

    def answer(_: httpx.Request) -> httpx.Response:
        return replies.pop(0) if replies else httpx.Response(202, json={"job_id": "ingest/2"})

    assert await api(answer).upload(FILE) == "ingest/2"


async def test_a_failed_job_ends_the_loading_with_its_reason() -> None:
    job = {"status": "FAILED", "error": "The file has no column hora.", "code": "COLUMN_MISSING"}
    with pytest.raises(SuiteError, match=r"no column hora.*COLUMN_MISSING"):
        await api(lambda _: httpx.Response(200, json=job)).finished("ingest/3")


async def test_a_refusal_ends_the_loading_with_its_text() -> None:
    with pytest.raises(SuiteError, match="403 not for you"):
        await api(lambda _: httpx.Response(403, text="not for you")).upload(FILE)


async def test_models_are_trained_only_where_there_is_none() -> None:
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(f"{request.method} {request.url.path}")
        missing = request.url.path == "/regression/metrics/New"
        return httpx.Response(404 if missing else 202 if request.method == "POST" else 200, json={})

    assert await api(answer).train("regression", "New")
    assert not await api(answer).train("clustering", "Old")
    assert calls == ["GET /regression/metrics/New", "POST /regression/train/New", "GET /clustering/clusters/Old"]
