"""How many calls an identity may make a minute, an hour and a day; one that came through the gateway counts once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from service_runtime.config import RuntimeSettings
from service_runtime.errors import ResourceExhausted
from service_runtime.identity import Identity
from service_runtime.request import Request

_log = structlog.stdlib.get_logger("service_runtime.limits")


@dataclass(frozen=True)
class Window:
    """At most `limit` calls in `seconds`, which begin with the first call."""

    limit: int
    seconds: int


@dataclass(frozen=True)
class Standing:
    """How full one window is after a call, and the seconds until it is empty again."""

    window: Window
    taken: int
    seconds_left: float

    @property
    def remaining(self) -> int:
        return max(0, self.window.limit - self.taken)


class CountersAway(Exception):
    """The counters that all processes share cannot be asked at the moment."""


class Counters(Protocol):
    """Where calls are counted: in every window at once, or, where one of them is full, in none."""

    async def count(self, key: str, windows: Sequence[Window]) -> tuple[bool, list[Standing]]:
        """Tells whether the call is within the limits, and how the windows stand."""
        ...


class RateLimits:
    """Counts calls where all processes see it; where that is away, in this process, so that no call fails for it."""

    def __init__(self, windows: Sequence[Window], shared: Counters | None, own: Counters) -> None:
        self._windows = list(windows)
        self._shared = shared
        self._own = own
        self._is_away = False

    async def admit(self, identity: Identity, request: Request) -> None:
        """Counts a call that came through the gateway; raises ResourceExhausted where it is one too many."""
        if identity.unlimited or not request.through_gateway:
            return
        admitted, standings = await self._count(f"{identity.tenant_id}:{identity.subject}")
        # The window with the least left; of several that are used up, the one that stays so the longest.
        tightest = min(standings, key=lambda standing: (standing.remaining, -standing.seconds_left))
        reset = max(1, math.ceil(tightest.seconds_left))
        request.limit_headers = {
            "x-ratelimit-limit": str(tightest.window.limit),
            "x-ratelimit-remaining": str(tightest.remaining),
            "x-ratelimit-reset": str(reset),
        }
        if not admitted:
            request.limit_headers["retry-after"] = str(reset)
            raise ResourceExhausted(
                "RATE_LIMITED",
                f"You may make {tightest.window.limit} calls in {tightest.window.seconds} seconds; "
                f"try again in {reset} seconds.",
                retry_after=reset,
                limit=tightest.window.limit,
                seconds=tightest.window.seconds,
            )

    async def _count(self, key: str) -> tuple[bool, list[Standing]]:
        if self._shared is not None:
            try:
                counted = await self._shared.count(key, self._windows)
            except CountersAway as error:
                if not self._is_away:
                    _log.warning("calls are counted in each process alone", error=str(error))
                self._is_away = True
            else:
                self._is_away = False
                return counted
        return await self._own.count(key, self._windows)


def windows_of(settings: RuntimeSettings) -> list[Window]:
    """Gives the windows that the settings ask for; none where all are switched off."""
    named = (
        (settings.rate_limit_per_minute, 60),
        (settings.rate_limit_per_hour, 3600),
        (settings.rate_limit_per_day, 86_400),
    )
    return [Window(limit, seconds) for limit, seconds in named if limit > 0]
