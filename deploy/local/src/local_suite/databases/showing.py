"""Shows the whole way: the databases become sources of the demo's company, and its reports speak of their rows."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from local_suite.databases.schemas import tables_of
from local_suite.demo.companies import COMPANIES
from local_suite.demo.logins import passwords
from local_suite.errors import SuiteError
from local_suite.home import Home

_JOB_SECONDS = 300.0
# Reports, and the databases without whose tables they cannot be made.
REPORTS = {
    "/claims/stats": {"cassandra"},
    "/payments/avg": {"cassandra"},
    "/cross/analytics/customer-journey": {"mysql", "postgresql", "cassandra"},
}


def show(home: Home, environment: Mapping[str, str], urls: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Adds the sources where they are not there, runs each, and prints what the reports say then."""
    try:
        asyncio.run(_show(home, environment, urls, say))
    except httpx.TransportError as error:
        raise SuiteError(f"The suite at {home.url} does not answer: start it by make up.") from error


async def _show(
    home: Home, environment: Mapping[str, str], urls: Mapping[str, str], say: Callable[[str], None]
) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{home.port}", timeout=60, trust_env=False) as client:
        company = COMPANIES[0]
        person = next(person for person in company.people if person.role == "admin")
        login = {"email": person.email, "password": passwords(home, environment)[person.username]}
        said = _body(await client.post("/api/v1/auth/login", json=login))
        client.headers["Authorization"] = f"Bearer {said['access_token']}"
        there = {source["name"] for source in _body(await client.get("/api/v1/sources"))["sources"]}
        for kind, url in urls.items():
            await _add(client, kind, url, known=kind in there)
            say(await _copy(client, kind))
        for path, needed in REPORTS.items():
            if needed <= urls.keys():
                say(f"{path}: {json.dumps(_body(await client.get(path)), ensure_ascii=False)}")


async def _add(client: httpx.AsyncClient, kind: str, url: str, *, known: bool) -> None:
    tables = [{"name": name} for name in tables_of(kind)]
    if known:
        _body(await client.patch(f"/api/v1/sources/{kind}", json={"url": url, "tables": tables}))
    else:
        _body(await client.post("/api/v1/sources", json={"name": kind, "kind": kind, "url": url, "tables": tables}))


async def _copy(client: httpx.AsyncClient, kind: str) -> str:
    job_id = _body(await client.post(f"/api/v1/sources/{kind}:run", json={"full": True}))["job_id"]
    until = time.monotonic() + _JOB_SECONDS
    while True:
        job = _body(await client.get(f"/api/v1/jobs/{job_id}"))
        if job["status"] == "SUCCEEDED":
            return f"{kind}: {job['rows_read']} rows are in the lake."
        if job["status"] in ("FAILED", "CANCELLED") or time.monotonic() > until:
            raise SuiteError(f"{kind}: the run {job_id} ended as {job['status']}: {job['error']} ({job['code']})")
        await asyncio.sleep(1)


def _body(reply: httpx.Response) -> dict[str, Any]:
    if not reply.is_success:
        raise SuiteError(f"{reply.request.method} {reply.request.url.path}: {reply.status_code} {reply.text[:500]}")
    found: dict[str, Any] = reply.json()
    return found
