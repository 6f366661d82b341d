"""Trainings as a worker runs them: read the lake, train in a thread, keep the version and end the job together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from service_runtime.errors import ServiceError
from service_runtime.jobs import JobRun

from ml_service.daily_readings import daily_series
from ml_service.lake_reader import LakeReader
from ml_service.model import ModelVersion, TrainedModel
from ml_service.renewal import Renewal
from ml_service.store import Store
from ml_service.training_jobs import TRAIN_CLUSTERS, TRAIN_FORECAST

Progress = Callable[[float], None]

_REPORT_SECONDS = 0.5
_LONGEST_REPORT_SECONDS = 30.0


class Trainings:
    """The handlers of ml's jobs. Training code is imported by the first job, so an idle worker stays small."""

    def __init__(self, store: Store, lake: LakeReader, renewal: Renewal, *, new_id: Callable[[], UUID]) -> None:
        self._store = store
        self._lake = lake
        self._renewal = renewal
        self._new_id = new_id

    def handlers(self) -> Mapping[str, Callable[[JobRun], Awaitable[None]]]:
        return {TRAIN_FORECAST: self.train_forecast, TRAIN_CLUSTERS: self.train_clusters}

    async def train_forecast(self, run: JobRun) -> None:
        def train(progress: Progress) -> TrainedModel:
            from ml_service.training.forecast_training import train_forecast

            readings = self._lake.readings(run.tenant_id, run.payload["username"])
            return train_forecast(daily_series(readings, run.payload["timezone"]), progress)

        await self._train(run, train, _forecast_figures)

    async def train_clusters(self, run: JobRun) -> None:
        def train(progress: Progress) -> TrainedModel:
            from ml_service.training.cluster_training import train_clusters

            counts = self._lake.post_counts(run.tenant_id, run.payload["username"])
            return train_clusters(counts, run.payload.get("clusters"), progress)

        await self._train(run, train, _cluster_figures)

    async def _train(
        self,
        run: JobRun,
        train: Callable[[Progress], TrainedModel],
        figures: Callable[[ModelVersion], dict[str, Any]],
    ) -> None:
        began = time.monotonic()
        try:
            with self._renewal.training():
                model = await _in_thread(run, train)
        except ServiceError as error:
            # Callers get the error's variables back with its reason.
            await run.report(details=error.metadata)
            raise
        described = {
            "duration_seconds": round(time.monotonic() - began, 3),
            "trained_by": run.payload["trained_by"],
            "timezone": run.payload["timezone"],
        }
        async with self._store.transaction(run.tenant_id) as session:
            version = await self._store.promote(
                session,
                tenant_id=run.tenant_id,
                model_id=self._new_id(),
                username=run.payload["username"],
                model=replace(model, card={**model.card, **described}),
                trained_by=run.payload["trained_by"],
            )
            details = {"model_id": str(version.model_id)}
            await run.finish(session, result=figures(version), details=details)


async def _in_thread(run: JobRun, train: Callable[[Progress], TrainedModel]) -> TrainedModel:
    """Trains beside the event loop, which goes on sending heartbeats; ends at the next progress when cancelled."""
    loop = asyncio.get_running_loop()
    given_up = threading.Event()
    reported_at = time.monotonic()

    def progress(share: float) -> None:
        nonlocal reported_at
        if given_up.is_set():
            raise RuntimeError("the worker stops")
        if time.monotonic() - reported_at >= _REPORT_SECONDS:
            report = run.report(progress=round(min(share, 1.0), 3))
            asyncio.run_coroutine_threadsafe(report, loop).result(_LONGEST_REPORT_SECONDS)
            reported_at = time.monotonic()

    def single_threaded() -> TrainedModel:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        with threadpool_limits(limits=1):
            return train(progress)

    await run.report(progress=0.0)
    try:
        return await asyncio.to_thread(single_threaded)
    finally:
        given_up.set()


def _forecast_figures(version: ModelVersion) -> dict[str, Any]:
    card = version.card
    return {
        "model_id": str(version.model_id),
        "r2_score": card["r2"],
        "mae": card["mae"],
        "algorithm": card["algorithm"],
        "version": version.version,
        "training_rows": card["data"]["rows"],
        "mase": card["mase"],
        "naive_mase": card["naive_mase"],
        "is_active": version.is_active,
    }


def _cluster_figures(version: ModelVersion) -> dict[str, Any]:
    card = version.card
    return {
        "model_id": str(version.model_id),
        "clusters": len(card["clusters"]),
        "silhouette": card["silhouette"],
        "davies_bouldin": card["davies_bouldin"],
        "inertia": card["inertia"],
        "posts": card["posts"],
        "version": version.version,
    }
