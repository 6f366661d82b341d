"""Calls counted in Redis, where every process of every service sees them: one script, one round trip."""

import asyncio
import time
from collections.abc import Callable, Sequence
from hashlib import sha1
from typing import Any
from uuid import UUID

import redis.asyncio
import structlog
from redis.exceptions import NoScriptError, RedisError

from service_runtime.limits import CountersAway, Standing, Window

_PREFIX = "atalaya:limits:"
# A call waits no longer than this for a Redis that hangs, and then others do not wait at all for a while.
PATIENCE_SECONDS = 0.5
_AWAY_SECONDS = 1.0

# KEYS are counters, ARGV their limits and lengths in milliseconds in turn. Redis runs a script alone, so nobody counts
# between the look and the step. A counter without an end, which nobody makes here, would shut its owner out for ever.
_SCRIPT = """
local admitted, standing = 1, {}
for i, key in ipairs(KEYS) do
  local taken, left = tonumber(redis.call('GET', key) or 0), redis.call('PTTL', key)
  if taken > 0 and left < 0 then redis.call('DEL', key); taken = 0 end
  if taken >= tonumber(ARGV[2 * i - 1]) then admitted = 0 end
  if taken == 0 then left = tonumber(ARGV[2 * i]) end
  standing[2 * i - 1], standing[2 * i] = taken, left
end
if admitted == 1 then
  for i, key in ipairs(KEYS) do
    standing[2 * i - 1] = redis.call('INCR', key)
    if standing[2 * i - 1] == 1 then redis.call('PEXPIRE', key, ARGV[2 * i]) end
  end
end
return {admitted, unpack(standing)}
"""
_log = structlog.stdlib.get_logger("service_runtime.limits")

_HASH = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


class RedisCounters:
    """Counters that end with their windows, by Redis's own clock."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        clock: Callable[[], float] = time.monotonic,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._client: Any = client
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._away_until = 0.0

    async def count(self, key: str, windows: Sequence[Window]) -> tuple[bool, list[Standing]]:
        """Counts a call; raises CountersAway where Redis does not answer, or did not a moment ago."""
        if self._clock() < self._away_until:
            raise CountersAway("Redis did not answer a moment ago")
        # The braces keep one identity's counters together where Redis is a cluster.
        keys = [f"{_PREFIX}{{{key}}}:{window.seconds}" for window in windows]
        numbers = [number for window in windows for number in (window.limit, window.seconds * 1000)]
        try:
            async with asyncio.timeout(self._patience_seconds):
                admitted, *standing = await self._run(len(keys), *keys, *numbers)
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = self._clock() + _AWAY_SECONDS
            raise CountersAway(type(error).__name__) from error
        pairs = zip(windows, standing[::2], standing[1::2], strict=True)
        return admitted == 1, [Standing(window, int(taken), left / 1000) for window, taken, left in pairs]

    async def forget(self, tenant_id: UUID) -> None:
        """Drops a tenant's counters; where Redis does not answer they end with their windows."""
        try:
            # As RateLimits names an identity.
            found = [key async for key in self._client.scan_iter(match=f"{_PREFIX}{{{tenant_id}:*", count=1000)]
            for key in found:
                await self._client.delete(key)
        except (RedisError, OSError) as error:
            _log.warning("counters are not forgotten", error=type(error).__name__)

    async def _run(self, *arguments: object) -> list[int]:
        # By its hash; the text goes along only where Redis does not have it yet, or no longer.
        try:
            return list(await self._client.evalsha(_HASH, *arguments))
        except NoScriptError:
            return list(await self._client.eval(_SCRIPT, *arguments))
