"""Where the contract's messages meet the rules' values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atalaya.jobs.v1 import job_pb2
from atalaya.ml.v1 import clustering_pb2, regression_pb2
from service_parts.times import timestamp
from service_runtime.jobs import JobRecord

from ml_service.forecasts import Prediction
from ml_service.model import ModelVersion

# Replies are for reading; the cards keep every digit.
DECIMALS = 4


def from_trained_forecast(job: JobRecord) -> regression_pb2.TrainForecastResponse:
    """The figures of a training that has ended well; else the job alone."""
    return regression_pb2.TrainForecastResponse(job_id=job.id, status=_status(job), **_rounded(job.result))


def from_trained_clusters(job: JobRecord) -> clustering_pb2.TrainClustersResponse:
    return clustering_pb2.TrainClustersResponse(job_id=job.id, status=_status(job), **_rounded(job.result))


def from_prediction(prediction: Prediction) -> regression_pb2.PredictFollowersResponse:
    path = prediction.path
    series = [
        regression_pb2.PredictedDay(
            date=prediction.date_of(ahead).isoformat(), prediction=value, lower=lower, upper=upper
        )
        for ahead, (value, lower, upper) in enumerate(zip(path.predictions, path.lower, path.upper, strict=True), 1)
    ]
    return regression_pb2.PredictFollowersResponse(
        prediction=path.predictions[-1],
        confidence=round(path.coverage, DECIMALS),
        lower=path.lower[-1],
        upper=path.upper[-1],
        date=series[-1].date,
        model_id=str(prediction.model_id),
        series=series,
        level=prediction.level,
        last_observed_date=prediction.last_date.isoformat(),
        last_observed=prediction.last_value,
    )


def from_forecast_version(version: ModelVersion) -> regression_pb2.GetForecastMetricsResponse:
    card = _rounded(version.card)
    return regression_pb2.GetForecastMetricsResponse(
        r2=card["r2"],
        mae=card["mae"],
        rmse=card["rmse"],
        model_id=str(version.model_id),
        algorithm=card["algorithm"],
        horizons=[regression_pb2.HorizonMetrics(**_rounded(each)) for each in card["horizons"]],
        trained_at=timestamp(version.trained_at),
    )


def from_nearest(version: ModelVersion, cluster: Mapping[str, Any]) -> clustering_pb2.PredictClusterResponse:
    return clustering_pb2.PredictClusterResponse(
        cluster=cluster["id"], cluster_name=f"{cluster['name']} Engagement", model_id=str(version.model_id)
    )


def from_cluster_version(version: ModelVersion) -> clustering_pb2.ListClustersResponse:
    posts = max(int(version.card["posts"]), 1)
    return clustering_pb2.ListClustersResponse(
        clusters=[
            clustering_pb2.Cluster(
                id=each["id"],
                name=each["name"],
                count=each["count"],
                centroid=clustering_pb2.Centroid(**_rounded(each["centroid"])),
                share=round(each["count"] / posts, DECIMALS),
            )
            for each in version.card["clusters"]
        ],
        model_id=str(version.model_id),
        trained_at=timestamp(version.trained_at),
    )


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, DECIMALS) if isinstance(value, float) else value for name, value in values.items()}


def _status(job: JobRecord) -> job_pb2.JobStatus.ValueType:
    return job_pb2.JobStatus.Value(job.status)
