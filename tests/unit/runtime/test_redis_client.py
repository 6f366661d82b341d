"""The check of Redis says what Redis does, and every server has it."""

from pathlib import Path

import pytest
from local_suite.redis import EmbeddedRedis
from redis.exceptions import ConnectionError as RedisAway
from service_runtime.redis_client import open_redis, redis_alive
from support.sample_rpcs import SampleServers


async def test_a_running_redis_passes(redis: EmbeddedRedis) -> None:
    async with open_redis(redis.url) as client:
        await redis_alive(client)()


async def test_a_redis_that_is_away_raises(tmp_path: Path) -> None:
    async with open_redis(f"unix://{tmp_path}/nothing.sock") as client:
        with pytest.raises(RedisAway):
            await redis_alive(client)()


async def test_a_server_tells_of_its_redis_and_one_without_does_not(rpcs: SampleServers, redis: EmbeddedRedis) -> None:
    async def answer(_word: str) -> str:
        return "ok"

    async with rpcs.serving(answer, redis_url=redis.url) as with_redis, rpcs.serving(answer) as without:
        assert with_redis.server.redis is not None
        assert without.server.redis is None
