"""The rpcs of RegressionService: forecasts of followers."""

from __future__ import annotations

from typing import Any, TypeAlias

from atalaya.ml.v1 import regression_pb2
from atalaya.ml.v1.regression_pb2_grpc import RegressionServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.server import set_success_status

from ml_service import convert
from ml_service.forecasts import Forecasts

Context: TypeAlias = ServicerContext[Any, Any]

_DAYS = 30
_LEVEL = 0.8


class RegressionServicer(RegressionServiceServicer):
    """Trains and serves forecasts."""

    def __init__(self, forecasts: Forecasts) -> None:
        self._forecasts = forecasts

    async def TrainForecast(
        self, request: regression_pb2.TrainForecastRequest, context: Context
    ) -> regression_pb2.TrainForecastResponse:
        job = await self._forecasts.train(caller(), request.username)
        if not job.ended:
            set_success_status(202)
        return convert.from_trained_forecast(job)

    async def PredictFollowers(
        self, request: regression_pb2.PredictFollowersRequest, context: Context
    ) -> regression_pb2.PredictFollowersResponse:
        prediction = await self._forecasts.predict(
            caller(),
            request.username,
            until=request.fecha,
            days=request.dias if request.HasField("dias") else _DAYS,
            level=request.level if request.HasField("level") else _LEVEL,
        )
        return convert.from_prediction(prediction)

    async def GetForecastMetrics(
        self, request: regression_pb2.GetForecastMetricsRequest, context: Context
    ) -> regression_pb2.GetForecastMetricsResponse:
        return convert.from_forecast_version(await self._forecasts.metrics(caller(), request.username))
