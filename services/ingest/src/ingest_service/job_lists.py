"""The jobs of every service in one list."""

import asyncio
from collections.abc import Awaitable, Callable

from atalaya.jobs.v1 import job_pb2

# Gives a service's jobs of a kind and a status behind a job, the newest first.
Source = Callable[[str, str, str, int], Awaitable[list[job_pb2.Job]]]


def _moment(job: job_pb2.Job) -> str:
    # Ids are UUIDs of version 7: their order is that of their time, across services.
    return job.job_id.rpartition("/")[2]


async def newest(
    sources: list[Source], kind: str, status: str, after: str, limit: int
) -> tuple[list[job_pb2.Job], str]:
    """Gives up to `limit` jobs behind the id `after`, and the id to go on from; empty where there are no more."""
    found = await asyncio.gather(*(source(kind, status, after, limit + 1) for source in sources))
    jobs = sorted((job for part in found for job in part), key=_moment, reverse=True)
    page = jobs[:limit]
    return page, _moment(page[-1]) if len(jobs) > limit else ""
