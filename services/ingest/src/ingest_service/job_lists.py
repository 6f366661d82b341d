"""The jobs of every service in one list."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Job = TypeVar("Job")
# Gives a service's jobs of a kind and a status behind a job, the newest first.
Source = Callable[[str, str, str, int], Awaitable[list[Job]]]


async def newest(
    sources: list[Source[Job]], job_id: Callable[[Job], str], kind: str, status: str, after: str, limit: int
) -> tuple[list[Job], str]:
    """Gives up to `limit` jobs behind the id `after`, and the id to go on from; empty where there are no more."""

    def moment(job: Job) -> str:
        # Ids are UUIDs of version 7: their order is that of their time, across services.
        return job_id(job).rpartition("/")[2]

    found = await asyncio.gather(*(source(kind, status, after, limit + 1) for source in sources))
    jobs = sorted((job for part in found for job in part), key=moment, reverse=True)
    page = jobs[:limit]
    return page, moment(page[-1]) if len(jobs) > limit else ""
