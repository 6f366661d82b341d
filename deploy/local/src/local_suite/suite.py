"""The suite as a whole: starts everything in order, keeps it running, and stops it in order."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable

from local_suite import gateway, health, state
from local_suite.checks import check_disk
from local_suite.environment import SERVICES
from local_suite.errors import SuiteError
from local_suite.home import Home
from local_suite.migrate import migrate
from local_suite.programs import (
    Program,
    gateway_program,
    postgres_program,
    postgres_server,
    redis_program,
    service_programs,
)
from local_suite.supervisor import State, Supervised
from local_suite.waiting import until

READY_SECONDS = 120.0


class Suite:
    """All processes of one home."""

    def __init__(self, home: Home, notice: Callable[[str], None]) -> None:
        self.home = home
        self.ready = False
        self._notice = notice
        self._server = postgres_server(home)
        self.postgres = self._supervised(postgres_program(home, self._server))
        self.redis = self._supervised(redis_program(home))
        self._processes_of = {
            service: [self._supervised(program) for program in programs]
            for service, programs in service_programs(home).items()
        }
        self.gateway = self._supervised(gateway_program(home))

    @property
    def services(self) -> list[Supervised]:
        """The processes of the services, workers last."""
        return sorted(itertools.chain(*self._processes_of.values()), key=lambda each: each.program.name not in SERVICES)

    @property
    def all(self) -> list[Supervised]:
        """Every process, in the order of starting."""
        return [self.postgres, self.redis, *self.services, self.gateway]

    async def start(self) -> list[str]:
        """Starts everything and waits until the suite answers; gives the names of what could not be started.

        Stores come first; the services need their migrations; the gateway may come up meanwhile.
        """
        deadline = time.monotonic() + READY_SECONDS
        self.postgres.start()
        self.redis.start()
        self.gateway.start()
        await self._need(self.postgres, deadline)
        await asyncio.gather(*(self._bring_up(service) for service in self._processes_of))
        await self._need(self.gateway, deadline)
        answers = await asyncio.gather(
            *(each.ready(deadline - time.monotonic()) for each in [self.redis, *self.services])
        )
        if all(answers):
            await until(health.page(f"{self.home.url}/health"), deadline - time.monotonic())
            await until(lambda: gateway.reaches_services(self.home), deadline - time.monotonic())
        self.ready = True
        self._write_state()
        return [each.program.name for each in self.all if each.state is not State.RUNNING]

    async def watch(self) -> None:
        """Never returns; raises when the suite can answer no more."""
        while True:
            for each in self.all:
                if each.state is State.GIVEN_UP and each.program.essential:
                    check_disk(self.home, needed_megabytes=50)
                    raise SuiteError(
                        f"Without {each.program.name} nothing works, so the suite stops; {each.program.log} says why."
                    )
            await asyncio.sleep(0.5)

    async def stop(self) -> None:
        """Stops everything, first what takes requests and last what keeps data."""
        if self.gateway.state is State.RUNNING:
            await gateway.drain(self.home)
        await self.gateway.stop()
        await asyncio.gather(*(service.stop() for service in self.services))
        await self.redis.stop()
        await self.postgres.stop()

    def kill(self) -> None:
        """Ends everything at once, for someone who does not want to wait; PostgreSQL still closes in order."""
        for each in [*self.services, self.gateway, self.redis]:
            each.kill()

    async def _bring_up(self, service: str) -> None:
        await migrate(self.home, self._server, service)
        for each in self._processes_of[service]:
            each.start()

    async def _need(self, supervised: Supervised, deadline: float) -> None:
        if await supervised.ready(max(0.0, deadline - time.monotonic())):
            return
        check_disk(self.home, needed_megabytes=50)
        raise SuiteError(f"{supervised.program.name} does not start; {supervised.program.log} says why.")

    def _supervised(self, program: Program) -> Supervised:
        return Supervised(program, self._notice, self._write_state)

    def _write_state(self) -> None:
        processes = state.of(self.all)
        current = state.SuiteState(os.getpid(), self.home.port, self.home.url, ready=self.ready, processes=processes)
        try:
            state.write(self.home, current)
        except OSError:
            # A full disk must not stop what starts the processes again; only `status` is behind the times then, and
            # the disk is named as soon as a process cannot do without it.
            return


def stop_signals(stop: asyncio.Event, kill: Callable[[], None]) -> None:
    """The first Ctrl-C, SIGTERM or closed terminal asks for an orderly stop, a second one for a quick one."""

    def handle() -> None:
        if stop.is_set():
            kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, handle)
