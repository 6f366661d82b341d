"""The process that runs a service's jobs."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import make_url

from service_runtime import telemetry
from service_runtime.background import repeat
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database
from service_runtime.jobs.attempts import Attempts
from service_runtime.jobs.audit_outbox import TASK as AUDIT_TASK
from service_runtime.jobs.audit_outbox import AuditDelivery, Deliver, audit_queue, pause_seconds
from service_runtime.jobs.defer import TASK
from service_runtime.jobs.ended import EVERY_SECONDS, EndedJobs
from service_runtime.jobs.execution import Execution
from service_runtime.jobs.run import JobRun
from service_runtime.jobs.side_tasks import SideTask, SideTaskRun, Work
from service_runtime.jobs.side_tasks import pause_seconds as side_pause_seconds
from service_runtime.jobs.stalled import STALLED_SECONDS, are_known, retake_stalled

Handler = Callable[[JobRun], Awaitable[None]]

HEARTBEAT_SECONDS = 1.0
# New jobs are announced by NOTIFY; asking serves those whose time comes later.
ASK_SECONDS = 1.0
BOOKKEEPING_PAUSE_SECONDS = 2
# What the orderly stop may take beyond the time that running jobs have.
STOP_SECONDS = 3
_DELIVERIES_AT_A_TIME = 4
_STOP_EVERY_SECONDS = 0.1
_NEVER = 10.0**9

_log = structlog.stdlib.get_logger("service_runtime.worker")


class Worker:
    """Takes jobs, runs their handlers by kind, and takes again those of workers that died."""

    def __init__(
        self,
        settings: RuntimeSettings,
        database: Database,
        service: str,
        handlers: Mapping[str, Handler],
        concurrency: int = 1,
        deliver: Deliver | None = None,
        side_tasks: Mapping[SideTask, Work] | None = None,
        ended_jobs: EndedJobs | None = None,
    ) -> None:
        """`deliver` takes what happened in the service to the trail; without it events wait. `side_tasks` are the
        tasks that have queues of their own, and what each does. Without `ended_jobs` all jobs stay for ever."""
        self._settings = settings
        self._database = database
        self._service = service
        self._stopping = asyncio.Event()
        # True once SIGTERM or SIGINT has come.
        self.told_to_stop = False
        self._deliver = deliver
        self._ended_jobs = ended_jobs
        self._queues = {service: concurrency}
        if deliver is not None:
            self._queues[audit_queue(service)] = _DELIVERIES_AT_A_TIME
        self._side_tasks = dict(side_tasks or {})
        self._queues |= {task.queue: task.at_a_time for task in self._side_tasks}
        self._execution = Execution(database, service, Attempts(database, service), handlers)

    async def run(self) -> None:
        """Works until SIGTERM or SIGINT, then lets running jobs end, or queues them again when that takes too long."""
        telemetry.setup(self._settings, f"{self._service}-worker")
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop_for_good)
        while not self._stopping.is_set():
            try:
                await self._work()
            except Exception as error:
                # The database is away, or came back with every connection gone.
                _log.warning("worker begins anew", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)
        await self._database.close()
        telemetry.shut_down()

    def stop(self) -> None:
        """Asks the worker to stop in good order."""
        self._stopping.set()

    def _stop_for_good(self) -> None:
        """Stops; ends the process where a connection to a killed database never answers. Its jobs are taken again."""
        self.told_to_stop = True
        self.stop()
        last_resort = threading.Timer(self._settings.drain_seconds + STOP_SECONDS, _end_process)
        last_resort.daemon = True
        last_resort.start()

    async def _work(self) -> None:
        # Only a process that works carries the weight of the queue's library.
        import procrastinate

        connector = procrastinate.PsycopgConnector(
            conninfo=make_url(self._settings.database_url).render_as_string(hide_password=False),
            min_size=1,
            # Besides what works, each queue listens, and one asks.
            max_size=sum(self._queues.values()) + len(self._queues) + 1,
            timeout=5,
        )
        app = procrastinate.App(connector=connector)
        # Only what could not be written down comes back to the queue as an error; then the attempt is made again.
        app.task(name=TASK, retry=procrastinate.RetryStrategy(wait=BOOKKEEPING_PAUSE_SECONDS))(self._execution.run)
        if self._deliver is not None:
            from service_runtime.jobs.untiring import Untiring

            app.task(name=AUDIT_TASK, retry=Untiring(pause_seconds))(AuditDelivery(self._deliver).run)
        for side_task, work in self._side_tasks.items():
            from service_runtime.jobs.untiring import Untiring

            app.task(name=side_task.name, retry=Untiring(side_pause_seconds))(SideTaskRun(side_task, work).run)
        async with app.open_async():
            workers = [self._queue_worker(app, queue, concurrency) for queue, concurrency in self._queues.items()]
            side_tasks = [
                asyncio.create_task(self._beat(app, workers)),
                asyncio.create_task(self._stop_with_us(workers)),
            ]
            if self._ended_jobs is not None:
                removing = repeat("removal of ended jobs", self._ended_jobs.run_once, EVERY_SECONDS)
                side_tasks.append(asyncio.create_task(removing))
            try:
                async with asyncio.TaskGroup() as together:
                    for worker in workers:
                        together.create_task(_run(worker, workers))
            finally:
                for task in side_tasks:
                    task.cancel()
                await asyncio.gather(*side_tasks, return_exceptions=True)

    def _queue_worker(self, app: Any, queue: str, concurrency: int) -> Any:
        from procrastinate.worker import Worker as QueueWorker

        return QueueWorker(
            app,
            queues=[queue],
            concurrency=concurrency,
            fetch_job_polling_interval=ASK_SECONDS,
            abort_job_polling_interval=_NEVER,
            shutdown_graceful_timeout=self._settings.drain_seconds,
            delete_jobs="always",
            install_signal_handlers=False,
            # Its own heartbeat ends when the worker begins to drain; ours goes on.
            update_heartbeat_interval=_NEVER,
            stalled_worker_timeout=STALLED_SECONDS,
        )

    async def _beat(self, app: Any, workers: Sequence[Any]) -> None:
        while True:
            try:
                ids = [worker.worker_id for worker in workers if worker.worker_id is not None]
                # In this order: a worker that was held up must not take its own jobs for stalled.
                for worker_id in ids:
                    await app.job_manager.update_heartbeat(worker_id)
                if ids and await are_known(self._database, ids):
                    await retake_stalled(self._database, list(self._queues))
                elif ids:
                    # Others took one for dead, or it has stopped; heartbeats go on for those that still end their jobs.
                    _stop_all(workers)
            except Exception as error:
                _log.warning("heartbeat failed", error=str(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _stop_with_us(self, workers: Sequence[Any]) -> None:
        await self._stopping.wait()
        while True:
            # Again and again, because one that only begins forgets what it was told before.
            _stop_all(workers)
            await asyncio.sleep(_STOP_EVERY_SECONDS)


async def _run(worker: Any, workers: Sequence[Any]) -> None:
    """Works on one queue; where that ends, the others end too, and all begin anew."""
    try:
        await worker.run()
    finally:
        _stop_all(workers)


def _stop_all(workers: Sequence[Any]) -> None:
    for worker in workers:
        worker.stop()


def _end_process() -> None:
    _log.error("stopping took too long; the process ends, and what it had is queued again")
    os._exit(1)
