"""The ml service: `python -m ml_service serve | work | migrate | check-config`."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from functools import partial

from atalaya import auth_calls
from atalaya.auth_calls import key_exchange, signing_keys
from atalaya.ml.v1 import clustering_pb2_grpc, jobs_pb2_grpc, regression_pb2_grpc
from atalaya.policies import rpc_policies
from atalaya.tenancy.v1 import erasure_pb2_grpc
from service_parts.erasure_servicer import ErasureServicer
from service_parts.visible_accounts import VisibleAccounts
from service_runtime.audit_delivery import audit_delivery
from service_runtime.client import open_channel
from service_runtime.config import load_settings
from service_runtime.database import Database
from service_runtime.erasure import TenantRows
from service_runtime.event_loop import run_service
from service_runtime.jobs import AuditOutbox, EndedJobs, JobQueue, Worker, workers_alive
from service_runtime.migrations import run_migrations
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier
from uuid6 import uuid7

from ml_service.clustering_servicer import ClusteringServicer
from ml_service.clusters import Clusters
from ml_service.config import Settings
from ml_service.erasure import Erasure
from ml_service.forecast.served import ServedForecast
from ml_service.forecasts import Forecasts
from ml_service.jobs_servicer import JobsServicer
from ml_service.lake_reader import LakeReader
from ml_service.registry import Registry
from ml_service.regression_servicer import RegressionServicer
from ml_service.renewal import Renewal, begin_anew
from ml_service.served_clusters import ServedClusters
from ml_service.store import Store
from ml_service.training_jobs import TrainingJobs
from ml_service.worker import Trainings


async def build_server(settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> Server:
    """Joins the service's parts; `clock` is for tests."""
    database = Database(settings.database_url)
    outbox = AuditOutbox("ml")
    store, jobs = Store(database), JobQueue(database, "ml", outbox, most_unfinished=settings.jobs_per_tenant)
    auth_channel = open_channel(settings.auth_address, settings)
    ingest_channel = open_channel(settings.ingest_address, settings)

    accounts = VisibleAccounts(ingest_channel, keep_seconds=settings.visible_accounts_seconds, clock=clock)
    trainings = TrainingJobs(store, jobs, wait_seconds=settings.training_wait_seconds)
    forecasts = Registry(store, "forecast", ServedForecast, capacity=settings.models_in_memory)
    clusters = Registry(store, "clusters", ServedClusters, capacity=settings.models_in_memory)
    regression = RegressionServicer(Forecasts(accounts, trainings, forecasts, LakeReader(settings)))
    clustering = ClusteringServicer(Clusters(accounts, trainings, clusters))

    verifier = TokenVerifier(signing_keys(auth_channel), settings.jwt_issuer, settings.jwt_audience)
    exchange_key = key_exchange(auth_channel)
    server = Server(settings, policies=rpc_policies(), verifier=verifier, name="ml", exchange_key=exchange_key)
    server.keep_answers(database)
    server.add(regression_pb2_grpc.add_RegressionServiceServicer_to_server, regression)
    server.add(clustering_pb2_grpc.add_ClusteringServiceServicer_to_server, clustering)
    server.add(jobs_pb2_grpc.add_JobsServiceServicer_to_server, JobsServicer(jobs))
    erasure = ErasureServicer(Erasure(TenantRows(database), [forecasts, clusters]).erase)
    server.add(erasure_pb2_grpc.add_ErasureServiceServicer_to_server, erasure)
    server.add_check("database", database.ping)
    server.add_check("workers", workers_alive(database), critical=False)
    server.on_close(database.close)
    for channel in (auth_channel, ingest_channel):
        server.on_close(partial(channel.close, None))
    return server


def build_worker(settings: Settings, renewal: Renewal) -> Worker:
    """Joins the worker's parts; one training at a time, since it takes a whole core."""
    database = Database(settings.database_url)
    trainings = Trainings(Store(database), LakeReader(settings), renewal, new_id=uuid7)
    return Worker(
        settings,
        database,
        "ml",
        trainings.handlers(),
        deliver=audit_delivery("ml", settings, issue=auth_calls.service_token_issue, deliver=auth_calls.audit_delivery),
        ended_jobs=EndedJobs(database, settings.job_days),
    )


async def serve(settings: Settings) -> None:
    server = await build_server(settings)
    await server.run()


async def work(worker: Worker, renewal: Renewal) -> None:
    watch = asyncio.create_task(renewal.call_when_due(worker.stop))
    await worker.run()
    watch.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(prog="ml_service", description=__doc__)
    parser.add_argument("command", choices=["serve", "work", "migrate", "check-config"])
    command = parser.parse_args().command
    settings = load_settings(Settings)
    if command == "serve":
        run_service(serve(settings))
    elif command == "work":
        renewal = Renewal(settings.worker_idle_seconds)
        worker = build_worker(settings, renewal)
        run_service(work(worker, renewal))
        if renewal.is_due and not worker.told_to_stop:
            begin_anew()
    elif command == "migrate":
        run_migrations("ml_service", settings)
    else:
        print("The settings are valid.")


if __name__ == "__main__":
    main()
