"""Calls are counted in every window at once or in none, in Redis as in a process's own memory."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import redis.asyncio
from hypothesis import given
from hypothesis import strategies as st
from local_suite.redis import EmbeddedRedis
from service_runtime.limits import Counters, CountersAway, Window
from service_runtime.limits_memory import MemoryCounters
from service_runtime.limits_redis import RedisCounters
from service_runtime.limits_refused import RememberedRefusals
from support.revocations import redis_of_its_own

MINUTE, HOUR = Window(3, 60), Window(5, 3600)


class Clock:
    """A clock that a test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis", "redis with refusals remembered"])
async def counters(request: pytest.FixtureRequest, redis: EmbeddedRedis) -> AsyncIterator[Counters]:
    if request.param == "memory":
        yield MemoryCounters()
        return
    async with connected(redis) as client:
        counters = RedisCounters(client, patience_seconds=10)
        yield counters if request.param == "redis" else RememberedRefusals(counters)


def connected(server: EmbeddedRedis) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(server.url)


async def test_as_many_calls_pass_as_the_narrowest_window_takes(counters: Counters) -> None:
    key = str(uuid4())

    results = [await counters.count(key, [MINUTE, HOUR]) for _ in range(5)]

    assert [admitted for admitted, _ in results] == [True, True, True, False, False]
    assert [[standing.taken for standing in standings] for _, standings in results] == [
        [1, 1],
        [2, 2],
        [3, 3],
        # A refused call counts in no window.
        [3, 3],
        [3, 3],
    ]


async def test_identities_do_not_share_a_window(counters: Counters) -> None:
    for key in (str(uuid4()), str(uuid4())):
        assert [(await counters.count(key, [MINUTE]))[0] for _ in range(4)] == [True, True, True, False]


async def test_a_window_tells_how_long_it_lasts(counters: Counters) -> None:
    key = str(uuid4())

    for _ in range(4):
        _, standings = await counters.count(key, [MINUTE, HOUR])

        assert standings[0].seconds_left == pytest.approx(60, abs=1)
        assert standings[1].seconds_left == pytest.approx(3600, abs=1)


async def test_of_calls_at_the_same_moment_exactly_so_many_pass(redis: EmbeddedRedis) -> None:
    key, window = str(uuid4()), Window(20, 60)
    async with connected(redis) as one, connected(redis) as two:
        processes = [RedisCounters(each, patience_seconds=10) for each in (one, two)]
        results = await asyncio.gather(*(processes[number % 2].count(key, [window, HOUR]) for number in range(60)))

    # Five an hour is less than twenty a minute.
    assert sum(admitted for admitted, _ in results) == HOUR.limit


async def test_a_window_begins_anew_when_it_has_ended() -> None:
    clock = Clock()
    counters = MemoryCounters(clock)
    first = [(await counters.count("rosa", [MINUTE, HOUR]))[0] for _ in range(4)]
    clock.now += 60
    second = [(await counters.count("rosa", [MINUTE, HOUR]))[0] for _ in range(4)]

    assert first == [True, True, True, False]
    # The hour is not over, and has two left.
    assert second == [True, True, False, False]


async def test_a_window_in_redis_begins_anew_when_it_has_ended(redis: EmbeddedRedis) -> None:
    key = str(uuid4())
    async with connected(redis) as client:
        counters = RedisCounters(client, patience_seconds=10)
        for _ in range(4):
            await counters.count(key, [MINUTE, HOUR])
        # As if a minute had passed.
        assert await client.pexpire(f"atalaya:limits:{{{key}}}:60", 0)

        admitted, (minute, hour) = await counters.count(key, [MINUTE, HOUR])

    assert (admitted, minute.taken, hour.taken) == (True, 1, 4)


async def test_a_counter_without_an_end_shuts_nobody_out(redis: EmbeddedRedis) -> None:
    key = str(uuid4())
    async with connected(redis) as client:
        await client.set(f"atalaya:limits:{{{key}}}:60", 99)

        admitted, [minute] = await RedisCounters(client, patience_seconds=10).count(key, [MINUTE])

    assert (admitted, minute.taken) == (True, 1)


async def test_memory_is_bounded_and_forgets_who_called_longest_ago() -> None:
    counters = MemoryCounters(most=2)
    for key in ("old", "old", "middle", "new"):
        await counters.count(key, [MINUTE])

    assert (await counters.count("new", [MINUTE]))[1][0].taken == 2
    assert (await counters.count("old", [MINUTE]))[1][0].taken == 1


async def test_a_redis_that_is_away_is_left_alone_for_a_moment() -> None:
    clock = Clock()
    with redis_of_its_own() as server:
        async with connected(server) as client:
            counters = RedisCounters(client, clock, patience_seconds=10)
            server.stop()
            with pytest.raises(CountersAway, match="ConnectionError"):
                await counters.count("rosa", [MINUTE])
            server.start()
            with pytest.raises(CountersAway, match="a moment ago"):
                await counters.count("rosa", [MINUTE])
            clock.now += 1
            assert (await counters.count("rosa", [MINUTE]))[0]


@given(
    limits=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    steps=st.lists(st.integers(0, 90), max_size=40),
)
async def test_no_window_ever_holds_more_than_its_limit(limits: list[int], steps: list[int]) -> None:
    clock = Clock()
    counters = MemoryCounters(clock)
    windows = [Window(limit, seconds) for limit, seconds in zip(limits, (10, 100, 1000), strict=False)]
    calls: list[tuple[float, bool]] = []
    begins = [float("-inf")] * len(windows)
    for step in steps:
        clock.now += step
        admitted, standings = await counters.count("rosa", windows)
        calls.append((clock.now, admitted))
        for number, (window, standing) in enumerate(zip(windows, standings, strict=True)):
            if clock.now >= begins[number] + window.seconds:
                begins[number] = clock.now
            within = sum(passed for at, passed in calls if at >= begins[number])
            assert standing.taken == within <= window.limit
        assert admitted or any(standing.remaining == 0 for standing in standings)


async def test_a_refusal_is_remembered_for_a_second_with_the_time_that_is_left() -> None:
    clock = Clock()
    # Counters that forget an identity as soon as they see another.
    counters = RememberedRefusals(MemoryCounters(clock, most=1), clock)
    for _ in range(4):
        await counters.count("greedy", [MINUTE])
    await counters.count("other", [MINUTE])

    clock.now += 0.9
    admitted, (standing,) = await counters.count("greedy", [MINUTE])

    assert not admitted
    assert standing.remaining == 0
    assert standing.seconds_left == pytest.approx(59.1)
    clock.now += 0.1
    assert (await counters.count("greedy", [MINUTE]))[0]


async def test_a_remembered_refusal_ends_with_the_window_that_was_full() -> None:
    clock = Clock()
    counters = RememberedRefusals(MemoryCounters(clock), clock)
    for _ in range(3):
        await counters.count("greedy", [MINUTE, HOUR])
    clock.now += 59.9

    assert not (await counters.count("greedy", [MINUTE, HOUR]))[0]
    clock.now += 0.2
    assert (await counters.count("greedy", [MINUTE, HOUR]))[0]


async def test_who_was_refused_first_is_forgotten_first() -> None:
    clock = Clock()
    counters = RememberedRefusals(MemoryCounters(clock, most=1), clock, most=1)
    for key in ("one", "two"):
        for _ in range(4):
            await counters.count(key, [MINUTE])

    assert not (await counters.count("two", [MINUTE]))[0]
    assert (await counters.count("one", [MINUTE]))[0]
