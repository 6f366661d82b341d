"""A newcomer to a running suite: registers, uploads files, waits for their jobs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from support.running_suite import RunningSuite

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


@contextmanager
def newcomer(suite: RunningSuite, name: str) -> Iterator[httpx.Client]:
    """Gives a client with the token of a person who has just registered, alone in a tenant of its own."""
    person = {"email": f"{name}@newcomer.example", "password": "a-long-new-password", "full_name": name}
    with suite.client() as anonymous:
        reply = anonymous.post("/api/v1/auth/register", json=person)
    assert reply.status_code == httpx.codes.CREATED, reply.text
    with suite.client(reply.json()["access_token"]) as client:
        yield client


def uploaded(client: httpx.Client, content: Any, **parameters: str) -> httpx.Response:
    """Sends the file, bytes or an iterator of them, and gives the answer."""
    headers = {"content-type": "text/csv"}
    return client.post("/api/v1/data/import", params=parameters, content=content, headers=headers)


def ended(client: httpx.Client, reply: httpx.Response) -> dict[str, Any]:
    """Waits for the job of an accepted upload and gives it as it ended."""
    assert reply.status_code == httpx.codes.ACCEPTED, reply.text
    path = f"/api/v1/jobs/{reply.json()['job_id']}"
    until = time.monotonic() + 120
    while (job := client.get(path).raise_for_status().json())["status"] not in ENDED:
        assert time.monotonic() < until, job
        time.sleep(0.2)
    return dict(job)


def imported(client: httpx.Client, content: bytes, **parameters: str) -> dict[str, Any]:
    """Uploads the file and gives its job, which must have ended well."""
    job = ended(client, uploaded(client, content, **parameters))
    assert job["status"] == "SUCCEEDED", job
    return job
