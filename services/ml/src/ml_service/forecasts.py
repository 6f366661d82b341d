"""The rules of follower forecasts: train, predict, tell how good they are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from service_parts.visible_accounts import VisibleAccounts
from service_runtime.errors import NotFound, Unprocessable, Violation
from service_runtime.identity import Identity
from service_runtime.jobs import JobRecord

from ml_service.daily_readings import daily_series
from ml_service.forecast.series import DailySeries
from ml_service.forecast.served import Path, ServedForecast
from ml_service.lake_reader import LakeReader
from ml_service.model import ModelVersion
from ml_service.registry import Registry
from ml_service.training_jobs import TRAIN_FORECAST, TrainingJobs

FARTHEST_DAY = 365


@dataclass(frozen=True)
class Prediction:
    """A path of days after the newest reading."""

    path: Path
    level: float
    model_id: UUID
    last_date: date
    last_value: int

    def date_of(self, ahead: int) -> date:
        return self.last_date + timedelta(days=ahead)


class Forecasts:
    """Forecasts of the accounts that a caller may see."""

    def __init__(
        self,
        accounts: VisibleAccounts,
        trainings: TrainingJobs,
        registry: Registry[ServedForecast],
        lake: LakeReader,
    ) -> None:
        self._accounts = accounts
        self._trainings = trainings
        self._registry = registry
        self._lake = lake

    async def train(self, identity: Identity, username: str) -> JobRecord:
        account = await self._accounts.named(identity, username)
        return await self._trainings.train(identity, TRAIN_FORECAST, account)

    async def metrics(self, identity: Identity, username: str) -> ModelVersion:
        account = await self._accounts.named(identity, username)
        return await self._registry.version(identity.tenant_id, account)

    async def predict(self, identity: Identity, username: str, *, until: str, days: int, level: float) -> Prediction:
        """So many days after the newest reading that is in the lake now, or up to a date, which wins."""
        account = await self._accounts.named(identity, username)
        loaded = await self._registry.active(identity.tenant_id, account)
        return await asyncio.to_thread(
            self._predict, identity, account, loaded.model, loaded.version, until, days, level
        )

    def _predict(
        self,
        identity: Identity,
        account: str,
        model: ServedForecast,
        version: ModelVersion,
        until: str,
        days: int,
        level: float,
    ) -> Prediction:
        series = daily_series(self._lake.readings(identity.tenant_id, account), identity.timezone)
        if not len(series):
            raise NotFound("MODEL_NOT_TRAINED", "The account has no readings any more.", username=account)
        ahead = days_until(until, series) if until else days
        return Prediction(
            path=model.path(series, ahead, level),
            level=level,
            model_id=version.model_id,
            last_date=date.fromordinal(series.last_day),
            last_value=int(series.values[-1]),
        )


def days_until(until: str, series: DailySeries) -> int:
    """Days from the newest reading to a date; it has to come after that reading, by 365 days at most."""
    newest = date.fromordinal(series.last_day)
    try:
        ahead = (date.fromisoformat(until) - newest).days
    except ValueError:
        raise _out_of_range(f"{until} is not a date.") from None
    if not 1 <= ahead <= FARTHEST_DAY:
        last = newest + timedelta(days=FARTHEST_DAY)
        raise _out_of_range(f"The date must lie after {newest}, the day of the newest reading, and not after {last}.")
    return ahead


def _out_of_range(sentence: str) -> Unprocessable:
    violation = Violation(("query", "fecha"), sentence, "date_out_of_range")
    return Unprocessable("DATE_OUT_OF_RANGE", sentence, violations=[violation])
