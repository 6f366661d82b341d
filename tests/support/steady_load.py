"""A few calls a second to one route, and how each ended and how long it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Answer:
    """When a call was made, its status (0 where there was no answer), the code of a refusal, and how long it took."""

    at: float
    status: int
    code: str
    seconds: float


class SteadyLoad:
    """Asks one thing after the other at a steady rate, whatever comes back, until it is told to end."""

    def __init__(self, client: httpx.Client, method: str, path: str, body: Any = None) -> None:
        self.answers: list[Answer] = []
        self._client = client
        self._method, self._path, self._body = method, path, body
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> SteadyLoad:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def between(self, begin: float, end: float) -> list[Answer]:
        """Those that were asked for in a span of time.monotonic()."""
        return [answer for answer in self.answers if begin <= answer.at < end]

    def _run(self) -> None:
        due = time.monotonic()
        while not self._end.wait(max(0.0, due - time.monotonic())):
            self.answers.append(ask(self._client, self._method, self._path, self._body))
            due = max(due + EVERY_SECONDS, time.monotonic())


def ask(client: httpx.Client, method: str, path: str, body: Any = None) -> Answer:
    """Makes one call and says how it ended."""
    began = time.monotonic()
    try:
        reply = client.request(method, path, json=body)
    except httpx.TransportError as error:
        return Answer(began, 0, type(error).__name__, time.monotonic() - began)
    said = reply.json() if reply.is_error and "json" in reply.headers.get("content-type", "") else {}
    return Answer(began, reply.status_code, str(said.get("code", "")), time.monotonic() - began)


def percentile(answers: Sequence[Answer], share: float) -> float:
    """The time in seconds that this share of the calls did not take longer than."""
    times = sorted(answer.seconds for answer in answers)
    return times[min(len(times) - 1, int(share * len(times)))]
