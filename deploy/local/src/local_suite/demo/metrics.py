"""The daily readings of a bank's account, taken late in the evening."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time

import numpy as np

from local_suite.demo.banks import Bank
from local_suite.demo.history import DAYS, History
from local_suite.demo.posts import LIMA, Row
from local_suite.demo.seeds import numbers

COLUMNS = (
    "cuenta", "hora", "seguidores", "siguiendo", "publicaciones_totales", "engagement_rate", "alcance_promedio",
    "impresiones",
)  # fmt: skip
# A few evenings nobody took a reading.
_MISSED = 0.006
_EARLIER_POSTS = 4000


def metrics_of(bank: Bank, history: History, posts: Sequence[Row]) -> Iterator[Row]:
    """Makes the readings, oldest first; engagement_rate is per post and follower, in per cent, over seven days."""
    random = numbers("metrics", bank.account)
    missed = random.random(DAYS) < _MISSED
    following = bank.following + np.cumsum(random.random(DAYS) < 0.05)
    per_day = _per_day(history, posts)
    for index, day in enumerate(history.days):
        week = per_day[max(0, index - 6) : index + 1].sum(axis=0)
        published = int(per_day[: index + 1, 0].sum())
        if missed[index] and index < DAYS - 1:
            continue
        followers = int(history.followers[index])
        rate = round(100 * int(week[1]) / int(week[0]) / followers, 4) if week[0] else ""
        reach = int(week[2] / week[0]) if week[0] else ""
        moment = datetime.combine(day, time(23, 30), LIMA).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield (
            bank.account,
            moment,
            followers,
            int(following[index]),
            _EARLIER_POSTS + published,
            rate,
            reach,
            int(per_day[index, 3]),
        )


def _per_day(history: History, posts: Sequence[Row]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Number of posts, engagement, reach and impressions of each day in Lima."""
    first = history.days[0]
    sums = np.zeros((DAYS, 4), dtype=np.int64)
    for post in posts:
        moment = datetime.fromisoformat(str(post[2])).astimezone(LIMA)
        engagement = sum(int(str(value or 0)) for value in (post[5], post[6], post[7], post[10]))
        sums[(moment.date() - first).days] += (1, engagement, int(str(post[9])), int(str(post[8])))
    return sums
