"""What dies is started again, with a limit, and nothing outlives its runner."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from local_suite.environment import MARK
from local_suite.home import Home
from local_suite.leftovers import end_leftovers
from local_suite.process import spawn
from local_suite.programs import Program
from local_suite.restarts import RestartLimit
from local_suite.supervisor import State, Supervised
from local_suite.waiting import until

SLEEP = ["/bin/sleep", "600"]


class FakeClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Notices(list[str]):
    """What the supervisor said."""

    def of(self, program: Program) -> Supervised:
        return Supervised(program, self.append, lambda: None)


def program(tmp_path: Path, command: list[str]) -> Program:
    log = tmp_path / "program.log"
    return Program("watchtower", "", log, lambda: spawn(command, log=log), always, stop_seconds=0.2)


async def always() -> bool:
    return True


async def never() -> bool:
    return False


async def dead(pid: int) -> bool:
    return await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", 60)


def test_first_restart_is_at_once_and_further_ones_wait_longer() -> None:
    limit = RestartLimit(clock=FakeClock())
    assert [limit.died() for _ in range(6)] == [0.0, 0.5, 1.0, 2.0, 4.0, None]


def test_deaths_of_long_ago_do_not_count() -> None:
    clock = FakeClock()
    limit = RestartLimit(limit=1, window=60, clock=clock)
    assert limit.died() == 0.0
    clock.now = 61
    assert limit.died() == 0.0


def test_deaths_before_a_time_of_service_do_not_count() -> None:
    clock = FakeClock()
    for served, expected in ((4, [0.0, None]), (5, [0.0, 0.0])):
        limit = RestartLimit(limit=1, clock=clock)
        deaths = [limit.died()]
        limit.serves()
        clock.now += served
        assert [*deaths, limit.died()] == expected


async def test_killed_process_is_started_again_and_named_with_its_log(tmp_path: Path) -> None:
    notices = Notices()
    supervised = notices.of(program(tmp_path, SLEEP))
    supervised.start()
    assert await supervised.ready(60)
    first = supervised.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert await until(lambda: supervised.pid not in (None, first), 60)
    await supervised.stop()
    assert notices == [
        "watchtower was killed (SIGKILL); it is started again (1 of 5 times in a minute), "
        f"its log: {tmp_path / 'program.log'}"
    ]


async def test_process_that_keeps_dying_is_given_up_and_named(tmp_path: Path) -> None:
    notices = Notices()
    supervised = notices.of(replace(program(tmp_path, ["/bin/false"]), ready=never))
    supervised._limit = RestartLimit(limit=1)
    supervised.start()
    assert not await supervised.ready(60)
    assert supervised.state is State.GIVEN_UP
    assert notices[-1].startswith("watchtower ended with code 1 2 times within a minute and is not started again")
    await supervised.stop()


async def test_process_that_lacks_something_waits_and_is_not_given_up(tmp_path: Path) -> None:
    notices, lacks = Notices(), ["The disk is full"]
    poor = replace(program(tmp_path, ["/bin/false"]), ready=never, lacks=lambda: lacks[0])
    supervised = notices.of(poor)
    supervised._limit = RestartLimit(limit=0)
    supervised.start()
    assert await until(lambda: supervised.state is State.WAITING, 60)
    lacks[0] = ""
    assert await until(lambda: supervised.state is State.GIVEN_UP, 60)
    assert notices[0] == "watchtower ended with code 1 and waits: The disk is full"
    assert supervised.restarts == 1
    await supervised.stop()


async def test_process_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    notices = Notices()
    stubborn = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    supervised = notices.of(program(tmp_path, [sys.executable, "-c", stubborn]))
    supervised.start()
    assert await supervised.ready(60)
    assert await until(lambda: "up" in supervised.program.log.read_text(), 60)
    pid = supervised.pid
    await supervised.stop()
    assert pid is not None
    assert await dead(pid)
    assert notices == ["watchtower did not end in 0 s and is killed."]


async def test_child_dies_with_a_runner_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from local_suite.process import spawn\n"
        f"print(spawn({SLEEP!r}, log=Path({str(tmp_path / 'log')!r})).pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as runner:  # noqa: ASYNC220
        assert runner.stdout is not None
        child = int(runner.stdout.readline())
        runner.kill()
        assert await dead(child)


@pytest.fixture
def stray(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {MARK: str(tmp_path / "home")}
    with subprocess.Popen(SLEEP, env=environment, start_new_session=True) as process:
        yield process
        process.kill()


def test_what_an_earlier_run_left_is_ended(tmp_path: Path, stray: subprocess.Popen[bytes]) -> None:
    assert end_leftovers(Home(tmp_path / "home", 8000)) == 1
    assert not psutil.pid_exists(stray.pid)


def test_processes_of_another_home_are_left_alone(tmp_path: Path, stray: subprocess.Popen[bytes]) -> None:
    assert end_leftovers(Home(tmp_path / "other", 8000)) == 0
    assert stray.poll() is None


async def test_waiting_ends_with_its_time() -> None:
    assert not await asyncio.wait_for(until(lambda: False, 0), 60)
