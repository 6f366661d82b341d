"""Sums up the sentiment of posts: shares with their intervals, and each day."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from math import sqrt
from uuid import UUID

from service_runtime.errors import InvalidArgument

from insights_service.labels import Labels
from insights_service.post_texts import Period, PostTexts
from insights_service.store import StoredLabel

LABELS = ("positive", "neutral", "negative")
_Z = 1.959964


@dataclass
class Tally:
    """Posts by label, and the sum of their scores."""

    counts: Counter[str] = field(default_factory=Counter)
    score_sum: float = 0.0

    @property
    def total(self) -> int:
        """Posts in all."""
        return self.counts.total()

    @property
    def score(self) -> float:
        """The mean score; 0 where there are no posts."""
        return self.score_sum / self.total if self.total else 0.0

    def share(self, label: str) -> float:
        """The share of a label; 0 where there are no posts."""
        return self.counts[label] / self.total if self.total else 0.0

    def add(self, label: StoredLabel) -> None:
        """Counts a post."""
        self.counts[label.label] += 1
        self.score_sum += label.score


@dataclass
class Summary:
    """The sentiment of posts over all, and by day, oldest first."""

    over_all: Tally
    by_day: dict[date, Tally]


class Sentiment:
    """Sums up posts from the lake."""

    def __init__(self, posts: PostTexts, labels: Labels) -> None:
        self._posts = posts
        self._labels = labels

    async def summary(self, tenant_id: UUID, accounts: Sequence[str], period: Period) -> Summary:
        """Sums up the posts of the accounts in the period. What is labelled stays so if the caller gives up."""
        if period.start and period.end and period.start > period.end:
            raise InvalidArgument("DATE_RANGE_REVERSED", "start_date must not be after end_date.")
        over_all, by_day = Tally(), dict[date, Tally]()
        batches = iter(self._posts.batches(tenant_id, accounts, period) if accounts else ())
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            labels = await self._labels.of(tenant_id, [post.text for post in batch])
            for post, label in zip(batch, labels, strict=True):
                over_all.add(label)
                by_day.setdefault(post.day, Tally()).add(label)
        return Summary(over_all, dict(sorted(by_day.items())))


def wilson(count: int, total: int) -> tuple[float, float]:
    """Gives the 95 % interval of a share after Wilson; `total` is above 0."""
    share = count / total
    middle = share + _Z * _Z / (2 * total)
    half = _Z * sqrt(share * (1 - share) / total + _Z * _Z / (4 * total * total))
    scale = 1 + _Z * _Z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
