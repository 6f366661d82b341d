"""A worker of ml or analytics that dies in the middle of a job: the job is done once, and nobody helps."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from support.newcomer import ENDED, imported
from support.running_suite import RunningSuite, wait_until
from support.suite_faults import BACK_SECONDS, kill, let_age

if TYPE_CHECKING:
    from faults.conftest import Report

CUSTOMERS = 9
DAYS = [date(2026, 1, 1) + timedelta(day) for day in range(60)]
POSTS = "fecha,texto,likes,comentarios,compartidos\n" + "".join(
    f"{day},dia {n},{n * 7 % 90},{n % 9},{n % 4}\n" for n, day in enumerate(DAYS)
)
METRICS = "fecha,seguidores\n" + "".join(f"{day},{1000 + 7 * n}\n" for n, day in enumerate(DAYS))
PURCHASES = "id_cuenta,fecha,monto\n" + "".join(f"C{n % CUSTOMERS},{day},{10 + n}\n" for n, day in enumerate(DAYS))
# About so long the jobs take, so that most kills hit one.
TRAINING_SECONDS, MOVING_SECONDS = 1.0, 0.2
TRAININGS = ("/regression/train/banco", "/clustering/train/banco")


def test_trainings_end_well_when_their_worker_is_killed(suite: RunningSuite, report: "Report", seed: int) -> None:
    (tenant,) = suite.provision([{"name": f"trainings-{seed}"}])["tenants"]
    with suite.client(tenant["loader_token"]) as client, ThreadPoolExecutor(len(TRAININGS)) as threads:
        imported(client, POSTS.encode(), kind="posts", account="banco", create_accounts="true")
        imported(client, METRICS.encode(), kind="metrics", account="banco")
        # Before, since a worker that is younger is left to age before it is killed, and then its job has ended.
        let_age(suite, "ml-worker")
        asked = [threads.submit(client.post, path, timeout=BACK_SECONDS) for path in TRAININGS]
        wait_until(lambda: len(jobs_of(client, "ml")) == len(TRAININGS), BACK_SECONDS, "no training is queued")
        kill_at_a_moment(suite, "ml-worker", seed, TRAINING_SECONDS)
        # Either it was waited for, or its job is named.
        assert all(call.result().status_code in (200, 202) for call in asked)
        jobs = ended_jobs(client, "ml", report)
        assert [job["status"] for job in jobs] == ["SUCCEEDED"] * len(TRAININGS)
        assert client.get("/regression/predict/banco").raise_for_status().json()
        assert client.get("/clustering/clusters/banco").raise_for_status().json()
    report.fault("ml's worker is killed")


def test_customers_move_once_when_the_worker_is_killed(suite: RunningSuite, report: "Report", seed: int) -> None:
    (tenant,) = suite.provision([{"name": f"moves-{seed}"}])["tenants"]
    with suite.client(tenant["loader_token"]) as client:
        imported(client, PURCHASES.encode(), kind="transactions")
        let_age(suite, "analytics-worker")
        assert client.get("/api/v1/rfm/segmentos").raise_for_status().json()["total_clientes"] == CUSTOMERS
        kill_at_a_moment(suite, "analytics-worker", seed, MOVING_SECONDS)
        jobs = ended_jobs(client, "analytics", report)
        assert {job["status"] for job in jobs} == {"SUCCEEDED"}
        for customer in range(CUSTOMERS):
            moves = client.get(f"/api/v1/rfm/cliente/C{customer}/historial").raise_for_status().json()
            assert len(moves["historial"]) == 1
    report.fault("analytics' worker is killed")


def kill_at_a_moment(suite: RunningSuite, worker: str, seed: int, longest: float) -> None:
    threading.Event().wait(random.Random(f"{worker}{seed}").random() * longest)
    kill(suite, worker)


def jobs_of(client: httpx.Client, service: str) -> list[dict[str, Any]]:
    jobs = client.get("/api/v1/jobs").raise_for_status().json()["jobs"]
    return [job for job in jobs if job["job_id"].startswith(f"{service}/")]


def ended_jobs(client: httpx.Client, service: str, report: "Report") -> list[dict[str, Any]]:
    """Waits until all jobs of the service have ended, and gives them."""
    began = time.monotonic()
    wait_until(lambda: all(job["status"] in ENDED for job in jobs_of(client, service)), 2 * BACK_SECONDS, service)
    report.count("longest time in seconds until a killed worker's jobs had ended", time.monotonic() - began)
    jobs = jobs_of(client, service)
    report.count(f"{service}'s jobs whose worker was killed in them", sum(job["attempt"] > 1 for job in jobs))
    return jobs
