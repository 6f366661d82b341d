"""Trainings as jobs: waited for, told, listed, cancelled."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
from atalaya.jobs.v1.job_pb2 import CANCELLED, QUEUED, RUNNING, SUCCEEDED, Job, JobStatus
from atalaya.ml.v1 import jobs_pb2, regression_pb2
from ml_service.__main__ import build_server
from ml_service.config import Settings
from service_runtime.database import Database
from service_runtime.jobs import JobQueue
from support.followers import days_from, growing
from support.ml_suite import Company, OtherServices, Suite
from support.postgres import database_for
from support.running import refusal, running, socket_address

pytestmark = pytest.mark.slow

TRAIN = regression_pb2.TrainForecastRequest(username="banco")
OVER_REST = (("x-envoy-original-path", "/regression/train/banco"),)


@pytest.fixture
async def idle_suite(ml_settings: Settings, others: tuple[OtherServices, str]) -> AsyncIterator[Suite]:
    """The service with no worker at all, and no patience."""
    async with socket_address() as address:
        changes = {"listen_address": address, "database_url": database_for("ml").url, "training_wait_seconds": 0.0}
        settings = ml_settings.model_copy(update=changes)
        async with running(await build_server(settings)) as channel:
            yield Suite(channel, settings, others[0])


async def test_a_training_that_takes_longer_answers_with_its_job_alone(idle_suite: Suite, company: Company) -> None:
    call = idle_suite.regression.TrainForecast(TRAIN, metadata=company.caller() + OVER_REST)
    reply = await call

    assert reply == regression_pb2.TrainForecastResponse(job_id=reply.job_id, status=QUEUED)
    assert dict(await call.initial_metadata())["x-http-status"] == "202"


async def test_a_training_that_is_asked_for_twice_with_one_key_is_one_job(idle_suite: Suite, company: Company) -> None:
    metadata = (*company.caller(), ("idempotency-key", "k"), *OVER_REST)
    first = await idle_suite.regression.TrainForecast(TRAIN, metadata=metadata)
    call = idle_suite.regression.TrainForecast(TRAIN, metadata=metadata)

    assert await call == first
    assert dict(await call.initial_metadata())["x-http-status"] == "202"
    # The control: without the key it is another job.
    assert (await idle_suite.regression.TrainForecast(TRAIN, metadata=company.caller())).job_id != first.job_id


async def test_who_waits_for_a_training_that_is_cancelled_is_told_so(idle_suite: Suite, company: Company) -> None:
    settings = idle_suite.settings.model_copy(update={"training_wait_seconds": 20.0})
    async with socket_address() as address:
        settings = settings.model_copy(update={"listen_address": address})
        async with running(await build_server(settings)) as channel:
            patient = Suite(channel, settings, idle_suite.others)
            waiting = asyncio.ensure_future(patient.regression.TrainForecast(TRAIN, metadata=company.caller()))
            jobs: list[Job] = []
            while not jobs:
                page = await patient.jobs.ListJobs(jobs_pb2.ListJobsRequest(limit=1), metadata=company.caller())
                jobs = list(page.jobs)
            cancelling = jobs_pb2.CancelJobRequest(job_id=jobs[0].job_id)
            await patient.jobs.CancelJob(cancelling, metadata=company.caller())

            error = await refusal(waiting)

    assert (error.reason, error.http_status) == ("TRAINING_CANCELLED", 409)


async def test_a_job_that_was_cancelled_is_queued_again_as_the_same(idle_suite: Suite, company: Company) -> None:
    job_id = (await idle_suite.regression.TrainForecast(TRAIN, metadata=company.caller())).job_id
    await idle_suite.jobs.CancelJob(jobs_pb2.CancelJobRequest(job_id=job_id), metadata=company.caller())
    again = jobs_pb2.RetryJobRequest(job_id=job_id)

    job = await idle_suite.jobs.RetryJob(again, metadata=company.caller())

    assert (job.job_id, job.status) == (job_id, QUEUED)
    assert (await refusal(idle_suite.jobs.RetryJob(again, metadata=company.caller()))).reason == "JOB_NOT_ENDED"


async def test_a_waiting_job_can_be_cancelled_once(idle_suite: Suite, company: Company) -> None:
    job_id = (await idle_suite.regression.TrainForecast(TRAIN, metadata=company.caller())).job_id

    cancelled = await idle_suite.jobs.CancelJob(jobs_pb2.CancelJobRequest(job_id=job_id), metadata=company.caller())
    again = await refusal(
        idle_suite.jobs.CancelJob(jobs_pb2.CancelJobRequest(job_id=job_id), metadata=company.caller())
    )

    assert (cancelled.job_id, cancelled.status) == (job_id, CANCELLED)
    assert again.reason == "JOB_ENDED"


async def test_jobs_are_listed_newest_first_and_only_ones_own(idle_suite: Suite, company: Company) -> None:
    first, second = [
        (await idle_suite.regression.TrainForecast(TRAIN, metadata=company.caller())).job_id for _ in range(2)
    ]
    neighbour = Company(company.issuer, company.settings)

    mine = await idle_suite.jobs.ListJobs(
        jobs_pb2.ListJobsRequest(kind="train_forecast", status="QUEUED", limit=10), metadata=company.caller("viewer")
    )
    behind = await idle_suite.jobs.ListJobs(
        jobs_pb2.ListJobsRequest(after=second.removeprefix("ml/"), limit=10), metadata=company.caller()
    )
    theirs = await idle_suite.jobs.ListJobs(jobs_pb2.ListJobsRequest(limit=10), metadata=neighbour.caller())
    foreign = await refusal(idle_suite.jobs.GetJob(jobs_pb2.GetJobRequest(job_id=first), metadata=neighbour.caller()))

    assert [job.job_id for job in mine.jobs] == [second, first]
    assert [job.job_id for job in behind.jobs] == [first]
    assert list(theirs.jobs) == []
    assert foreign.reason == "JOB_NOT_FOUND"


async def test_a_finished_job_names_its_model(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(date(2024, 3, 1), 30), growing(30))
    trained = await suite.regression.TrainForecast(TRAIN, metadata=company.caller())

    job = await suite.jobs.GetJob(jobs_pb2.GetJobRequest(job_id=trained.job_id), metadata=company.caller("viewer"))

    assert (job.kind, job.status, job.progress, job.attempt) == ("train_forecast", SUCCEEDED, 1, 1)
    assert job.details["model_id"] == trained.model_id
    assert job.finished_at.ToDatetime() >= job.started_at.ToDatetime() >= job.created_at.ToDatetime()


async def test_the_refusal_of_a_short_history_is_a_400_over_rest(suite: Suite, company: Company) -> None:
    call = suite.regression.TrainForecast(TRAIN, metadata=company.caller() + OVER_REST)

    error = await refusal(call)

    metadata = dict(await call.initial_metadata())
    body = json.loads(base64.b64decode(str(metadata["x-error-body"])))
    assert (error.http_status, metadata["x-http-status"]) == (400, "400")
    assert body["code"] == "FORECAST_HISTORY_TOO_SHORT"
    assert body["detail"] == "A forecast needs at least 21 days with a reading; this account has 0."


async def test_a_running_training_can_be_cancelled(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(date(2020, 1, 1), 1300), growing(1300))
    settings = suite.settings.model_copy(update={"training_wait_seconds": 0.0})
    async with socket_address() as address:
        server = await build_server(settings.model_copy(update={"listen_address": address}))
        async with running(server) as channel:
            impatient = Suite(channel, settings, suite.others)
            job_id = (await impatient.regression.TrainForecast(TRAIN, metadata=company.caller())).job_id

            reply = await impatient.jobs.CancelJob(jobs_pb2.CancelJobRequest(job_id=job_id), metadata=company.caller())
            ended = await ended_job(impatient, company, job_id)

    assert reply.status in (RUNNING, CANCELLED)
    assert ended == CANCELLED


async def ended_job(suite: Suite, company: Company, job_id: str) -> int:
    database = Database(suite.settings.database_url)
    job = await JobQueue(database, "ml").wait(company.tenant_id, job_id, 60)
    await database.close()
    return JobStatus.Value(job.status)


async def job_of(suite: Suite, company: Company, job_id: str) -> Job:
    return await suite.jobs.GetJob(jobs_pb2.GetJobRequest(job_id=job_id), metadata=company.caller())


async def test_a_worker_that_stops_gives_its_training_to_the_next(idle_suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(date(2020, 1, 1), 1300), growing(1300))
    job_id = (await idle_suite.regression.TrainForecast(TRAIN, metadata=company.caller())).job_id

    first = await worker_process(idle_suite.settings, drain_seconds="0.1")
    async with asyncio.timeout(60):
        while (await job_of(idle_suite, company, job_id)).status == QUEUED:
            pass
    first.terminate()
    await asyncio.wait_for(first.wait(), 90)
    given_back = await job_of(idle_suite, company, job_id)
    second = await worker_process(idle_suite.settings)
    ended = await ended_job(idle_suite, company, job_id)
    second.terminate()

    assert given_back.status == QUEUED
    assert (ended, (await job_of(idle_suite, company, job_id)).attempt) == (SUCCEEDED, 2)
    assert (first.returncode, await asyncio.wait_for(second.wait(), 90)) == (0, 0)


async def test_a_worker_that_is_idle_gives_back_the_training_code_and_works_on(
    idle_suite: Suite, company: Company
) -> None:
    company.write_followers("banco", days_from(date(2024, 1, 1), 60), growing(60))
    worker = await worker_process(idle_suite.settings, worker_idle_seconds="0.1")
    loaded = Path(f"/proc/{worker.pid}/maps")
    for _ in range(2):
        job_id = (await idle_suite.regression.TrainForecast(TRAIN, metadata=company.caller())).job_id
        assert await ended_job(idle_suite, company, job_id) == SUCCEEDED
        async with asyncio.timeout(90):
            while "sklearn" in loaded.read_text():  # noqa: ASYNC240 - the kernel answers at once
                await job_of(idle_suite, company, job_id)
    worker.terminate()

    # Told so early, it may not have its handler yet.
    assert await asyncio.wait_for(worker.wait(), 90) in (0, -signal.SIGTERM)


async def worker_process(settings: Settings, **more: str) -> asyncio.subprocess.Process:
    environment = {
        "DATABASE_URL": settings.database_url,
        "ATALAYA_LAKE": settings.atalaya_lake,
        **{name.upper(): value for name, value in more.items()},
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ml_service", "work", env={**os.environ, **environment}
    )
