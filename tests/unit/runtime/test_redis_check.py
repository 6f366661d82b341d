"""The check of Redis says what Redis does."""

from pathlib import Path

import pytest
from local_suite.redis import EmbeddedRedis
from redis.exceptions import ConnectionError as RedisAway
from service_runtime.redis_check import redis_alive


async def test_a_running_redis_passes(redis: EmbeddedRedis) -> None:
    check, close = redis_alive(redis.url)
    await check()
    await close()


async def test_a_redis_that_is_away_raises(tmp_path: Path) -> None:
    check, close = redis_alive(f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(RedisAway):
        await check()
    await close()
