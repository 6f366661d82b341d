"""Trying without end; apart, because only a process that works carries the weight of the queue's library."""

from collections.abc import Callable

import structlog
from procrastinate import RetryDecision
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy

_log = structlog.stdlib.get_logger("service_runtime.worker")


class Untiring(BaseRetryStrategy):
    """Runs a task again, whatever it raised, after a pause that depends on how often it was tried."""

    def __init__(self, pause_seconds: Callable[[int], int]) -> None:
        self._pause_seconds = pause_seconds

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        seconds = self._pause_seconds(job.attempts)
        _log.warning("task is tried again", task=job.task_name, attempts=job.attempts + 1, error=repr(exception))
        return RetryDecision(retry_in={"seconds": seconds})
