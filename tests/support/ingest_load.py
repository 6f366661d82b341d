"""A client of a running suite that brings data in by every way there is while something breaks, and keeps a ledger."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from support.ledger import Ledger, Operation

ACCOUNTS = ("banco", "tienda")
ROWS_OF_A_FILE = 400
# How often an operation that was told nothing definite is asked for again with its key; some are not.
MOST_REPEATS = 40
PAUSE_SECONDS = 0.25
PATIENCE_SECONDS = 10
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


class IngestLoad:
    """Threads that import, write single posts and export until they are told to end."""

    def __init__(self, client: Callable[[], httpx.Client], ledger: Ledger, seed: int, name: str) -> None:
        self._client = client
        self._ledger = ledger
        self._seed = seed
        self._name = name
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(act,)) for act in (self._import, self._post, self._export)
        ]
        self._failures: list[BaseException] = []
        # When something was acknowledged last.
        self.acked_at = 0.0

    def __enter__(self) -> IngestLoad:
        with self._client() as client:
            for account in ACCOUNTS:
                body = {"platform": "csv", "username": account}
                client.post("/api/v1/social-accounts", json=body).raise_for_status()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _run(self, act: Callable[[httpx.Client, random.Random, str], None]) -> None:
        chance = random.Random(f"{self._seed}{self._name}{act.__name__}")
        number = 0
        try:
            with self._client() as client:
                while not self._end.is_set():
                    number += 1
                    act(client, chance, f"{self._name}-{act.__name__}-{number}")
                    self._end.wait(chance.random() * PAUSE_SECONDS)
        except BaseException as error:
            self._failures.append(error)

    def _import(self, client: httpx.Client, chance: random.Random, name: str) -> None:
        """Sends a file: of posts, of posts of which one is bad and so all are refused, or of a table."""
        kind = chance.choice(["posts", "posts", "posts", "refused", "dataset"])
        if kind == "dataset":
            row = (name, str(chance.random()))
            content = f"a,b\n{','.join(row)}\n".encode()
            number = self._ledger.begin("dataset", [":".join(row)], sha256=hashlib.sha256(content).hexdigest())
            parameters = {"kind": "dataset", "dataset": f"faults/{name}"}
        else:
            rows = [f"{name}-{row}" for row in range(ROWS_OF_A_FILE)]
            content = posts_file(rows, bad=kind == "refused", chance=chance)
            number = self._ledger.begin(kind, rows, sha256=hashlib.sha256(content).hexdigest())
            on_error = "fail" if kind == "refused" else "skip"
            parameters = {"kind": "posts", "account": chance.choice(ACCOUNTS), "on_error": on_error}

        def send(headers: dict[str, str]) -> httpx.Response:
            headers = {"content-type": "text/csv", **headers}
            return client.post("/api/v1/data/import", params=parameters, content=content, headers=headers)

        self._see_through(send, chance, name, number)

    def _post(self, client: httpx.Client, chance: random.Random, name: str) -> None:
        """Writes one post; of an account that is not there, as the first one always is, it is refused."""
        account = "nobody" if name.endswith("-1") else chance.choice([*ACCOUNTS, *ACCOUNTS, "nobody"])
        number = self._ledger.begin("post", [name])
        day = 1 + chance.randrange(28)
        body = {"contenido": name, "fecha_publicacion": f"2024-03-{day:02d}T10:00:00Z", "id_externo": name}

        def send(headers: dict[str, str]) -> httpx.Response:
            return client.post(f"/crud/publicaciones/{account}", json=body, headers=headers)

        self._see_through(send, chance, name, number)

    def _export(self, client: httpx.Client, chance: random.Random, name: str) -> None:
        """Asks for a file of all posts, which holds those that were acknowledged before."""
        before = [
            row
            for each in self._ledger.operations()
            if each.kind == "post" and each.end == "acked"
            for row in each.rows
        ]
        number = self._ledger.begin("export", [], before=before)
        body = {"kind": "posts", "format": chance.choice(["csv", "jsonl"])}
        self._see_through(
            lambda headers: client.post("/api/v1/data/export", json=body, headers=headers), chance, name, number, **body
        )
        self._end.wait(1.5)

    def _see_through(
        self,
        send: Callable[[dict[str, str]], httpx.Response],
        chance: random.Random,
        name: str,
        number: int,
        **facts: Any,
    ) -> None:
        """Asks once, or with a key again and again until there is a definite answer; notes what came of it."""
        repeats = MOST_REPEATS if chance.random() < 0.7 else 1
        headers = {"idempotency-key": name} if repeats > 1 else {}
        for _ in range(repeats):
            try:
                reply = send(headers)
            except httpx.TransportError as error:
                self._ledger.end(number, "unknown", error=type(error).__name__, **facts)
            else:
                if self._is_definite(reply, number, facts):
                    return
            if self._end.wait(PAUSE_SECONDS):
                return

    def _is_definite(self, reply: httpx.Response, number: int, facts: dict[str, Any]) -> bool:
        said = reply.json() if "json" in reply.headers.get("content-type", "") else {}
        code = said.get("code", "") if isinstance(said, dict) else ""
        if reply.is_success:
            job = {"job": said["job_id"]} if "job_id" in said else {}
            self._ledger.end(number, "accepted" if job else "acked", status=reply.status_code, **job, **facts)
            self.acked_at = time.monotonic()
            return True
        if code == "IDEMPOTENCY_ANSWER_LOST":
            # It was done, and what it made is named.
            resource = str(said["detail"]).partition("It made ")[2].rstrip(".")
            job = {"job": resource.removeprefix("jobs/")} if resource.startswith("jobs/") else {}
            self._ledger.end(number, "accepted" if job else "acked", code=code, **job, **facts)
            return True
        # That a call is under way, or that something is away, leaves open whether it was done.
        definite = reply.is_client_error and code != "IDEMPOTENCY_KEY_IN_USE" and reply.status_code != 429
        self._ledger.end(number, "refused" if definite else "unknown", status=reply.status_code, code=code, **facts)
        return definite


def posts_file(rows: Sequence[str], *, chance: random.Random, bad: bool = False) -> bytes:
    """A file of posts with those ids at their source; with `bad` one row's date is none."""
    wrong = chance.randrange(len(rows)) if bad else -1
    lines = (
        f"{'gestern' if n == wrong else f'2024-0{1 + n % 3}-05 10:00:00'},texto {row},{n},{row}"
        for n, row in enumerate(rows)
    )
    return ("fecha,texto,likes,id\n" + "\n".join(lines) + "\n").encode()


def settle(client: httpx.Client, ledger: Ledger, seconds: float = 300) -> list[Operation]:
    """Waits for the jobs of all that was accepted, tries failed ones again, and gives the operations as they ended.

    A finished job's counts must add up; one that was refused for its rows is one that wrote none.
    """
    until = time.monotonic() + seconds
    for operation in ledger.operations():
        if operation.end == "accepted":
            job = _ended(client, operation.facts["job"], until)
            end = "acked" if job["status"] == "SUCCEEDED" else "refused"
            added_up = job["rows_written"] + job["rows_unchanged"] + job["rows_rejected"]
            assert job["rows_read"] == added_up, job
            assert end == "acked" or job["rows_written"] == 0, job
            ledger.end(operation.number, end, written=job["rows_written"], code=job.get("code", ""))  # type: ignore[arg-type]
    return ledger.operations()


def _ended(client: httpx.Client, job_id: str, until: float) -> dict[str, Any]:
    while True:
        reply = client.get(f"/api/v1/jobs/{job_id}")
        assert time.monotonic() < until, f"{job_id}: {reply.text}"
        job: dict[str, Any] = reply.raise_for_status().json() if reply.status_code < 500 else {"status": ""}
        if job["status"] == "FAILED" and job["code"] != "ROWS_REJECTED":
            client.post(f"/api/v1/jobs/{job_id}:retry")
        elif job["status"] in ENDED:
            return job
        time.sleep(0.1)
