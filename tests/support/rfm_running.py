"""RFM as callers see it, with workers and further replicas of a running analytics service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from analytics_service.server import build_server
from analytics_service.worker import build_worker
from atalaya.analytics.v1 import jobs_pb2, jobs_pb2_grpc, rfm_pb2
from atalaya.jobs.v1.job_pb2 import Job

from support.analytics_running import RunningAnalytics
from support.running import running, socket_address

TRANSACTIONS = "datavision/transactions/part-1.csv"
MOST_SECONDS = 120.0
Move = tuple[str, str | None, str | None]


def purchases(rows: Iterable[tuple[object, str, float]]) -> str:
    """A file of transactions: customer, time, amount."""
    return "id_cuenta,fecha,monto\n" + "".join(f"{who},{when},{amount}\n" for who, when, amount in rows)


async def history(analytics: RunningAnalytics, id_cuenta: str) -> list[Move]:
    """A customer's moves as (date, segment, scores)."""
    request = rfm_pb2.GetCustomerHistoryRequest(id_cuenta=id_cuenta)
    reply = await analytics.rfm.GetCustomerHistory(request, metadata=analytics.viewer)
    return [
        (
            move.as_of,
            move.segmento if move.HasField("segmento") else None,
            move.rfm if move.HasField("rfm") else None,
        )
        for move in reply.historial
    ]


async def segments(analytics: RunningAnalytics) -> rfm_pb2.ListSegmentsResponse:
    return await analytics.rfm.ListSegments(rfm_pb2.ListSegmentsRequest(), metadata=analytics.viewer)


async def customer(analytics: RunningAnalytics, id_cuenta: str) -> rfm_pb2.GetCustomerResponse:
    request = rfm_pb2.GetCustomerRequest(id_cuenta=id_cuenta)
    return await analytics.rfm.GetCustomer(request, metadata=analytics.viewer)


async def jobs(analytics: RunningAnalytics) -> list[Job]:
    """The tenant's jobs, the newest first."""
    stub: jobs_pb2_grpc.JobsServiceAsyncStub = jobs_pb2_grpc.JobsServiceStub(analytics.channel)
    request = jobs_pb2.ListJobsRequest(limit=1000)
    return list((await stub.ListJobs(request, metadata=analytics.viewer)).jobs)


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Returns once it is so; fails after a while."""
    give_up_at = time.monotonic() + MOST_SECONDS
    while not await is_so():
        assert time.monotonic() < give_up_at, what
        await asyncio.sleep(0.02)


async def ended(analytics: RunningAnalytics, at_least: int) -> list[Job]:
    """The tenant's jobs once there are so many and all have ended."""
    found: list[Job] = []

    async def all_ended() -> bool:
        found[:] = await jobs(analytics)
        return len(found) >= at_least and all(job.HasField("finished_at") for job in found)

    await until(all_ended, "jobs have not ended")
    return found


@asynccontextmanager
async def working(analytics: RunningAnalytics, clock: Callable[[], datetime], name: str = "") -> AsyncIterator[None]:
    """A worker of the service beside it."""
    cache = analytics.cache.with_name(f"worker{name}")
    worker = build_worker(analytics.settings.model_copy(update={"analytics_cache_folder": cache}), clock)
    run = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait_for(run, 90)


@asynccontextmanager
async def replica(
    analytics: RunningAnalytics, clock: Callable[[], datetime], folder: Path
) -> AsyncIterator[RunningAnalytics]:
    """Another server of the service, with a cache of its own; the same tenant calls it."""
    async with socket_address() as address:
        settings = analytics.settings.model_copy(update={"listen_address": address, "analytics_cache_folder": folder})
        server = await build_server(settings, clock, verifier=analytics.issuer.verifier())
        async with running(server) as channel:
            yield replace(analytics, channel=channel, cache=folder, settings=settings)
