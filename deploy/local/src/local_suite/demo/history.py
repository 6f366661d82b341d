"""A bank's days: followers, campaigns and outages, which its metrics and its posts both follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from local_suite.demo.banks import Bank
from local_suite.demo.calendar_pe import Season, seasons
from local_suite.demo.seeds import numbers

DAYS = 3 * 365
_OUTAGES = 9
_CAMPAIGNS = 12


@dataclass(frozen=True)
class History:
    """What each day brought; all lists have one entry a day."""

    days: Sequence[date]
    followers: NDArray[np.int64]
    outage: NDArray[np.bool_]
    # 1 on an ordinary day, more in campaigns and seasons.
    lift: NDArray[np.float64]
    seasons: Sequence[list[Season]]


def history_of(bank: Bank, until: date) -> History:
    """Makes the three years up to and with `until`."""
    random = numbers("history", bank.account)
    days = [until - timedelta(DAYS - 1 - number) for number in range(DAYS)]
    themes = [[] if bank.central else seasons(day) for day in days]
    outage = np.zeros(DAYS, dtype=bool)
    outage[random.choice(np.arange(30, DAYS - 10), size=1 if bank.central else _OUTAGES, replace=False)] = True
    lift = np.array([max((season.lift for season in found), default=1.0) for found in themes])
    lift = lift + _campaigns(random)
    return History(days, _followers(bank, days, lift, outage, random), outage, lift, themes)


def _campaigns(random: np.random.Generator) -> NDArray[np.float64]:
    """Campaigns of its own: a sudden rise that fades over a week."""
    rise = np.zeros(DAYS)
    for start in random.choice(DAYS - 7, size=_CAMPAIGNS, replace=False):
        length = min(14, DAYS - start)
        rise[start : start + length] += random.uniform(0.4, 1.6) * np.exp(-np.arange(length) / 4.0)
    return rise


def _followers(
    bank: Bank,
    days: Sequence[date],
    lift: NDArray[np.float64],
    outage: NDArray[np.bool_],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    number = np.arange(DAYS)
    weekday = np.array([(1.15, 1.2, 1.2, 1.15, 1.05, 0.7, 0.55)[day.weekday()] for day in days])
    # Growth slows down as the audience is used up, and drifts from month to month.
    slowing = 1.25 - 0.5 * number / DAYS
    drift = 1.0 + 0.18 * np.sin(2 * np.pi * (number / 365.25 + random.uniform()))
    noise = random.normal(1.0, 0.22, DAYS)
    gained = bank.daily_growth * weekday * slowing * drift * noise * (1.0 + 1.8 * (lift - 1.0))
    # People leave in the days after an outage.
    loss = np.convolve(outage.astype(float), [1.6, 1.1, 0.6, 0.3], mode="full")[:DAYS]
    return bank.followers + np.cumsum(np.rint(gained - bank.daily_growth * loss)).astype(np.int64)
