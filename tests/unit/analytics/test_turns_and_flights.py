"""What keeps tenants from one another's way: turns, shared listings, fuses, and a bounded memory of answers."""

import asyncio
from uuid import UUID

import pytest
from analytics_service.answer_store import AnswerStore
from analytics_service.fair_turns import FairTurns
from analytics_service.fuse import Fuse
from analytics_service.single_flight import NextFlight
from google.api.httpbody_pb2 import HttpBody
from service_runtime.errors import Unavailable

AWAY = Unavailable("LAKE_UNAVAILABLE", "The lake refuses access (AccessDenied).", cause="AccessDenied")
ONE, OTHER = UUID(int=1), UUID(int=2)


class Work:
    """Pieces of work of several owners, each ended when the test says so."""

    def __init__(self, places: int) -> None:
        self.turns = FairTurns("test", places)
        self.begun: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    def start(self, name: str) -> asyncio.Task[None]:
        """Begins a piece of work, such as `a1` of owner `a`, as soon as it has its turn."""
        self._ends[name] = asyncio.Event()

        async def work() -> None:
            async with self.turns.turn(name[0]):
                self.begun.append(name)
                await self._ends[name].wait()

        return asyncio.create_task(work())

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_owner_leaves_half_of_the_places_to_the_others() -> None:
    work = Work(places=4)
    tasks = [work.start(name) for name in ("a1", "a2", "a3", "a4", "b1", "c1")]
    await settle()
    assert work.begun == ["a1", "a2", "b1", "c1"]
    for name in ("a1", "a2", "b1", "c1", "a3", "a4"):
        await work.end(name)
    await asyncio.gather(*tasks)


async def test_the_next_place_goes_to_who_holds_fewest_and_was_served_longest_ago() -> None:
    work = Work(places=2)
    tasks = [work.start(name) for name in ("a1", "b1", "a2", "a3", "b2", "c1")]
    await settle()
    await work.end("a1")
    await work.end("a2")
    await work.end("b1")
    assert work.begun == ["a1", "b1", "a2", "c1", "b2"]
    for name in ("c1", "b2", "a3"):
        await work.end(name)
    await asyncio.gather(*tasks)


async def test_who_leaves_while_waiting_takes_no_place_and_who_fails_gives_it_back() -> None:
    work = Work(places=1)
    first, leaving, second = work.start("a1"), work.start("b1"), work.start("c1")
    await settle()
    leaving.cancel()
    await settle()
    first.cancel()
    await settle()
    assert work.begun == ["a1", "c1"]
    await work.end("c1")
    await second


async def test_who_asks_while_a_listing_is_under_way_shares_the_one_after_it() -> None:
    flights: NextFlight[int] = NextFlight()
    made, gates = 0, [asyncio.Event() for _ in range(3)]

    async def compute() -> int:
        nonlocal made
        number, made = made, made + 1
        await gates[number].wait()
        return number

    def ask() -> asyncio.Task[int]:
        return asyncio.create_task(flights.run("key", compute))

    first = [ask(), ask()]
    await settle()
    later = [ask() for _ in range(5)]
    later[0].cancel()
    await settle()
    assert made == 1
    gates[0].set()
    gates[1].set()
    assert await asyncio.gather(*first) == [0, 0]
    assert await asyncio.gather(*later[1:]) == [1, 1, 1, 1]
    gates[2].set()
    assert await flights.run("key", compute) == 2


async def test_a_listing_that_fails_is_made_again_by_who_came_meanwhile() -> None:
    flights: NextFlight[int] = NextFlight()
    gate = asyncio.Event()

    async def fail() -> int:
        await gate.wait()
        raise AWAY

    async def work() -> int:
        return 1

    failing = asyncio.create_task(flights.run("key", fail))
    await settle()
    waiting = asyncio.create_task(flights.run("key", work))
    await settle()
    gate.set()
    with pytest.raises(Unavailable):
        await failing
    assert await waiting == 1


def test_after_five_failures_in_a_row_who_asks_is_told_at_once_until_it_is_time_to_try() -> None:
    now = [100.0]
    fuse = Fuse(lambda: now[0])
    for _ in range(4):
        fuse.failed(AWAY)
        fuse.check()
    fuse.failed(AWAY)
    with pytest.raises(Unavailable, match="AccessDenied") as told:
        fuse.check()
    assert (told.value.retry_after, told.value.metadata) == (1, {"cause": "AccessDenied"})
    pauses = []
    for _ in range(6):
        pauses.append(pause_of(fuse, now))
        fuse.failed(AWAY)
    assert pauses == [1, 2, 4, 8, 10, 10]
    pause_of(fuse, now)
    fuse.worked()
    fuse.failed(AWAY)
    fuse.check()


def pause_of(fuse: Fuse, now: list[float]) -> float:
    """How long it stays open; the clock goes on until then."""
    began = now[0]
    while True:
        try:
            fuse.check()
        except Unavailable:
            now[0] += 0.5
        else:
            return now[0] - began


def test_of_answers_beyond_the_bound_the_tenant_that_holds_most_loses_its_oldest() -> None:
    store = AnswerStore(10_000)
    store.keep(OTHER, "its only one", body(2_000))
    for number in range(20):
        store.keep(ONE, number, body(1_000))
        store.find(ONE, 0)
    assert store.find(OTHER, "its only one") == body(2_000)
    kept = [number for number in range(20) if store.find(ONE, number) is not None]
    assert kept == [0, 17, 18, 19]


def test_an_answer_larger_than_the_bound_is_not_kept_and_a_tenant_is_forgotten() -> None:
    store = AnswerStore(10_000)
    store.keep(ONE, "small", body(10))
    store.keep(OTHER, "huge", body(20_000))
    assert store.find(OTHER, "huge") is None
    assert store.find(ONE, "small") == body(10)
    store.forget(ONE)
    assert store.find(ONE, "small") is None
    store.keep(ONE, "again", body(9_000))
    store.keep(ONE, "again", body(9_000))
    assert store.find(ONE, "again") == body(9_000)


def body(size: int) -> HttpBody:
    return HttpBody(data=b"x" * size)
