"""Answers of another service, kept for a short while."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_runtime.errors import Unavailable
from service_runtime.kept_answers import KeptAnswers

SECONDS, MOST = 30.0, 3


class Other:
    """A service that answers with the number of the question; its clock is the test's."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.now = 100.0
        self.answers: KeptAnswers[str, int] = KeptAnswers(SECONDS, most=MOST, clock=lambda: self.now)
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = 0

    async def get(self, key: str) -> int:
        async def ask() -> int:
            self.asked.append(key)
            number = len(self.asked)
            await self.gate.wait()
            if self.failures:
                self.failures -= 1
                raise Unavailable("AWAY", "It is away.")
            return number

        return await self.answers.get(key, ask)


async def test_an_answer_is_kept_for_its_time_and_no_longer() -> None:
    other = Other()
    assert await other.get("ana") == 1
    other.now += SECONDS - 0.001
    assert await other.get("ana") == 1
    other.now += 0.001
    assert await other.get("ana") == 2


async def test_the_time_counts_from_the_question_since_the_answer_may_be_older_than_its_arrival() -> None:
    other = Other()
    other.gate.clear()
    asking = asyncio.create_task(other.get("ana"))
    await until_asked(other, 1)
    other.now += 20
    other.gate.set()
    assert await asking == 1
    other.now += 10
    assert await other.get("ana") == 2


async def test_many_at_once_ask_once_for_each_key() -> None:
    other = Other()
    other.gate.clear()
    asking = [asyncio.create_task(other.get(key)) for key in ["ana", "eva"] * 20]
    await until_asked(other, 2)
    other.gate.set()
    assert await asyncio.gather(*asking) == [1, 2] * 20
    assert other.asked == ["ana", "eva"]


async def test_a_failure_is_told_to_who_asked_and_the_next_in_line_asks_anew() -> None:
    other = Other()
    other.gate.clear()
    other.failures = 1
    asking = [asyncio.create_task(other.get("ana")) for _ in range(3)]
    await until_asked(other, 1)
    other.gate.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in found] == [Unavailable, int, int]
    assert other.asked == ["ana", "ana"]


async def test_who_gives_up_takes_nobody_along() -> None:
    other = Other()
    other.gate.clear()
    first, second = (asyncio.create_task(other.get("ana")) for _ in range(2))
    await until_asked(other, 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    other.gate.set()
    assert await second == 2


async def test_the_longest_unused_answer_is_forgotten_alone() -> None:
    other = Other()
    for key in ("ana", "eva", "luz"):
        await other.get(key)
    await other.get("ana")
    await other.get("sol")
    assert [await other.get(key) for key in ("ana", "luz", "sol")] == [1, 3, 4]
    assert await other.get("eva") == 5


async def test_no_seconds_mean_that_every_answer_is_asked_for() -> None:
    answers: KeptAnswers[str, int] = KeptAnswers(0, clock=lambda: 100.0)
    numbers = iter((1, 2))

    async def ask() -> int:
        return next(numbers)

    assert [await answers.get("ana", ask), await answers.get("ana", ask)] == [1, 2]


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 40)), max_size=40))
async def test_no_answer_is_older_than_its_time_or_of_another_key(steps: list[tuple[str, int]]) -> None:
    other = Other()
    asked_at: list[float] = []
    for key, pause in steps:
        other.now += pause
        number = await other.get(key)
        asked_at += [other.now] * (len(other.asked) - len(asked_at))
        assert other.asked[number - 1] == key
        assert other.now - asked_at[number - 1] < SECONDS


async def until_asked(other: Other, times: int) -> None:
    # Enough turns of the loop for everybody to ask or to wait.
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(other.asked) == times
