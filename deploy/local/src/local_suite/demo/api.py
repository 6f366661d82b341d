"""The suite's REST API as the loader uses it: uploads, jobs and trainings with a company's token."""

import asyncio
from typing import Any

import httpx

from local_suite.demo.files import ImportFile
from local_suite.errors import SuiteError

_POLL_SECONDS = 1.0
_JOB_SECONDS = 600.0
_MOST_TRIES = 10
_AWAY = {429, 502, 503, 504}


class Api:
    """Calls in the name of one company."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def upload(self, file: ImportFile) -> str:
        """Hands over a file; gives the id of the job that imports it."""
        reply = await self._call(
            "POST", "/api/v1/data/import", params=file.parameters, content=file.body, content_type="text/csv"
        )
        return str(_body(reply, 202)["job_id"])

    async def finished(self, job_id: str) -> dict[str, Any]:
        """Waits for a job to end well and gives it."""
        async with asyncio.timeout(_JOB_SECONDS):
            while True:
                job = _body(await self._call("GET", f"/api/v1/jobs/{job_id}"), 200)
                if job["status"] == "SUCCEEDED":
                    return job
                if job["status"] in {"FAILED", "CANCELLED"}:
                    raise SuiteError(f"The job {job_id} ended as {job['status']}: {job['error']} ({job['code']})")
                await asyncio.sleep(_POLL_SECONDS)

    async def train(self, what: str, account: str) -> bool:
        """Has a model trained (`regression` or `clustering`) where the account has none; tells whether that was so.

        The suite waits for a training some seconds, then lets it go on by itself, and so does this.
        """
        reading = {"regression": "metrics", "clustering": "clusters"}[what]
        there = await self._call("GET", f"/{what}/{reading}/{account}")
        if there.status_code != 404:
            return False
        reply = await self._call("POST", f"/{what}/train/{account}", content=b"{}", content_type="application/json")
        _body(reply, 200, 202)
        return True

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        content: bytes | None = None,
        content_type: str = "",
    ) -> httpx.Response:
        """Calls, and again where a limit was met or something was away: every call here may be repeated."""
        headers = self._headers | ({"Content-Type": content_type} if content_type else {})
        for attempt in range(1, _MOST_TRIES + 1):
            try:
                reply = await self._client.request(method, path, params=params, content=content, headers=headers)
            except httpx.TransportError as error:
                if attempt == _MOST_TRIES:
                    raise SuiteError(f"The suite does not answer {method} {path}: {error}.") from error
                await asyncio.sleep(1)
                continue
            if reply.status_code not in _AWAY or attempt == _MOST_TRIES:
                return reply
            await asyncio.sleep(float(reply.headers.get("Retry-After", "1")))
        raise AssertionError("the last try returns or raises")


def _body(reply: httpx.Response, *wanted: int) -> dict[str, Any]:
    if reply.status_code not in wanted:
        raise SuiteError(f"{reply.request.method} {reply.request.url.path}: {reply.status_code} {reply.text[:500]}")
    found: dict[str, Any] = reply.json()
    return found
