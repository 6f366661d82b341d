"""Where the contract's messages and our own terms meet."""

from datetime import date
from zoneinfo import ZoneInfo

from atalaya.insights.v1 import sentiment_pb2
from service_runtime.errors import Unprocessable, Violation

from insights_service.lexicon import ENGINE
from insights_service.lexicon import Sentiment as TextSentiment
from insights_service.post_texts import Period
from insights_service.sentiment import Summary, Tally, wilson

_SHARE_DECIMALS = 6
_SCORE_DECIMALS = 4


def to_period(request: sentiment_pb2.GetSentimentRequest, timezone: str) -> Period:
    """Gives the days that were asked for."""
    return Period(
        _day("start_date", request.start_date), _day("end_date", request.end_date), ZoneInfo(timezone or "UTC")
    )


def _day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        violation = Violation(("query", name), "value must be a day of the calendar", "date.exists")
        raise Unprocessable("INVALID_REQUEST", f"{name} is not a day.", violations=[violation]) from error


def from_text_sentiment(found: TextSentiment) -> sentiment_pb2.SentimentResult:
    """Gives a text's scores, rounded so that the three still sum to 1 and the score is their difference."""
    positive, negative = round(found.positive, _SHARE_DECIMALS), round(found.negative, _SHARE_DECIMALS)
    return sentiment_pb2.SentimentResult(
        label=found.label,
        score=round(positive - negative, _SHARE_DECIMALS),
        positive=positive,
        neutral=round(1.0 - positive - negative, _SHARE_DECIMALS),
        negative=negative,
        language=found.language,
        emotions=found.emotions,
    )


def from_summary(summary: Summary) -> sentiment_pb2.GetSentimentResponse:
    """Gives the summary of posts."""
    tally = summary.over_all
    response = sentiment_pb2.GetSentimentResponse(
        positive=round(tally.share("positive"), _SHARE_DECIMALS),
        neutral=round(tally.share("neutral"), _SHARE_DECIMALS),
        negative=round(tally.share("negative"), _SHARE_DECIMALS),
        score=round(tally.score, _SCORE_DECIMALS),
        total=tally.total,
        by_day=[_from_day(day, of_day) for day, of_day in summary.by_day.items()],
        engine=ENGINE,
    )
    if tally.total:
        response.intervals.positive.CopyFrom(_interval(tally, "positive"))
        response.intervals.neutral.CopyFrom(_interval(tally, "neutral"))
        response.intervals.negative.CopyFrom(_interval(tally, "negative"))
    return response


def _from_day(day: date, tally: Tally) -> sentiment_pb2.SentimentDay:
    return sentiment_pb2.SentimentDay(
        date=day.isoformat(),
        positive_count=tally.counts["positive"],
        neutral_count=tally.counts["neutral"],
        negative_count=tally.counts["negative"],
        score=round(tally.score, _SCORE_DECIMALS),
    )


def _interval(tally: Tally, label: str) -> sentiment_pb2.ShareInterval:
    lower, upper = wilson(tally.counts[label], tally.total)
    return sentiment_pb2.ShareInterval(lower=round(lower, _SHARE_DECIMALS), upper=round(upper, _SHARE_DECIMALS))
