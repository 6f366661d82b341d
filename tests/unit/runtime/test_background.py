"""Work that is repeated beside the calls."""

import asyncio

from service_runtime.background import repeating
from structlog.testing import capture_logs


class Work:
    """Fails so many times, and then does well."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.times = 0
        self.did_well = asyncio.Event()

    async def do(self) -> None:
        self.times += 1
        if self.times <= self.failures:
            raise ConnectionError
        self.did_well.set()


async def test_failures_do_not_end_it_and_are_told_once_a_minute_at_most() -> None:
    work = Work(failures=3)
    with capture_logs() as told:
        async with repeating("looking", work.do, 0):
            await asyncio.wait_for(work.did_well.wait(), 60)
    assert [(entry["work"], entry["error"]) for entry in told] == [("looking", "ConnectionError")]


async def test_it_ends_with_its_context() -> None:
    work = Work(failures=0)
    async with repeating("looking", work.do, 0):
        await asyncio.wait_for(work.did_well.wait(), 60)
    times = work.times
    for _ in range(10):
        await asyncio.sleep(0)
    assert work.times == times


async def test_it_can_wait_before_the_first_time() -> None:
    work = Work(failures=0)
    async with repeating("looking", work.do, 3600, at_once=False):
        for _ in range(10):
            await asyncio.sleep(0)
    assert work.times == 0
