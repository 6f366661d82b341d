"""Training and predicting followers, through the real stub, worker, database and lake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from atalaya.jobs.v1.job_pb2 import FAILED, SUCCEEDED
from atalaya.ml.v1 import regression_pb2 as messages
from atalaya.ml.v1.jobs_pb2 import ListJobsRequest
from support.followers import days_from, growing
from support.ml_suite import Company, Suite
from support.running import refusal

FIRST = date(2024, 3, 1)


async def test_a_training_beats_no_change_and_becomes_active(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(FIRST, 200), growing(200))

    reply = await suite.regression.TrainForecast(
        messages.TrainForecastRequest(username="banco"), metadata=company.caller()
    )

    assert reply.status == SUCCEEDED
    assert (reply.version, reply.training_rows, reply.is_active) == (1, 200, True)
    assert reply.mase < reply.naive_mase
    assert 0.99 < reply.r2_score <= 1
    assert reply.job_id.startswith("ml/")


async def test_a_prediction_follows_the_growth_from_the_newest_reading(suite: Suite, company: Company) -> None:
    followers = growing(200)
    company.write_followers("banco", days_from(FIRST, 150), followers[:150])
    await suite.regression.TrainForecast(messages.TrainForecastRequest(username="banco"), metadata=company.caller())
    company.write_followers("banco", days_from(FIRST + timedelta(days=150), 50), followers[150:])

    reply = await suite.regression.PredictFollowers(
        messages.PredictFollowersRequest(username="banco", dias=10), metadata=company.caller("viewer")
    )

    assert reply.last_observed_date == "2024-09-16"
    assert reply.last_observed == followers[-1]
    assert [day.date for day in reply.series] == [f"2024-09-{day}" for day in range(17, 27)]
    assert reply.date == reply.series[-1].date
    assert reply.prediction == reply.series[-1].prediction
    assert abs(reply.prediction - (10_000 + 25 * 209)) < 60
    assert reply.lower < reply.prediction < reply.upper
    assert 0.5 < reply.confidence <= 1
    assert reply.level == 0.8


async def test_the_date_wins_over_the_days(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(FIRST, 60), growing(60))
    await suite.regression.TrainForecast(messages.TrainForecastRequest(username="banco"), metadata=company.caller())

    reply = await suite.regression.PredictFollowers(
        messages.PredictFollowersRequest(username="banco", dias=10, fecha="2024-05-03"), metadata=company.caller()
    )

    assert [day.date for day in reply.series] == ["2024-04-30", "2024-05-01", "2024-05-02", "2024-05-03"]


@pytest.mark.parametrize("fecha", ["2024-04-29", "2025-04-30", "2024-02-30"])
async def test_a_date_out_of_range_is_refused(suite: Suite, company: Company, fecha: str) -> None:
    company.write_followers("banco", days_from(FIRST, 60), growing(60))
    await suite.regression.TrainForecast(messages.TrainForecastRequest(username="banco"), metadata=company.caller())

    error = await refusal(
        suite.regression.PredictFollowers(
            messages.PredictFollowersRequest(username="banco", fecha=fecha), metadata=company.caller()
        )
    )

    assert error.reason == "DATE_OUT_OF_RANGE"


async def test_a_wider_level_gives_a_wider_interval(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(FIRST, 120), growing(120))
    await suite.regression.TrainForecast(messages.TrainForecastRequest(username="banco"), metadata=company.caller())

    replies = [
        await suite.regression.PredictFollowers(
            messages.PredictFollowersRequest(username="banco", level=level), metadata=company.caller()
        )
        for level in (0.5, 0.8, 0.99)
    ]

    widths = [reply.upper - reply.lower for reply in replies]
    assert widths == sorted(set(widths))
    assert [reply.prediction for reply in replies] == [replies[0].prediction] * 3


async def test_a_short_history_is_told_with_both_numbers(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(FIRST, 20), growing(20))

    error = await refusal(
        suite.regression.TrainForecast(messages.TrainForecastRequest(username="banco"), metadata=company.caller())
    )

    assert error.reason == "FORECAST_HISTORY_TOO_SHORT"
    assert "21" in error.message
    assert "20" in error.message
    assert (error.metadata["days"], error.metadata["needed"]) == ("20", "21")
    jobs = await suite.jobs.ListJobs(ListJobsRequest(limit=10), metadata=company.caller())
    assert [(job.status, job.code) for job in jobs.jobs] == [(FAILED, "FORECAST_HISTORY_TOO_SHORT")]


async def test_an_account_without_a_lake_has_no_history(suite: Suite, company: Company) -> None:
    error = await refusal(
        suite.regression.TrainForecast(messages.TrainForecastRequest(username="caja"), metadata=company.caller())
    )

    assert error.metadata["days"] == "0"


async def test_the_last_reading_of_a_local_day_counts(suite: Suite, company: Company) -> None:
    # 03:00 UTC is the evening before in Lima.
    evenings = [datetime(2024, 3, 2, 3, tzinfo=UTC) + timedelta(days=day) for day in range(30)]
    mornings = [moment - timedelta(hours=12) for moment in evenings]
    company.write_readings("banco", mornings + evenings, [0] * 30 + [500] * 30)
    await suite.regression.TrainForecast(messages.TrainForecastRequest(username="banco"), metadata=company.caller())

    reply = await suite.regression.PredictFollowers(
        messages.PredictFollowersRequest(username="banco", dias=1), metadata=company.caller()
    )

    assert (reply.last_observed_date, reply.prediction) == ("2024-03-30", 500)


async def test_metrics_tell_each_horizon_beside_no_change(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(FIRST, 200), growing(200))
    trained = await suite.regression.TrainForecast(
        messages.TrainForecastRequest(username="banco"), metadata=company.caller()
    )

    reply = await suite.regression.GetForecastMetrics(
        messages.GetForecastMetricsRequest(username="banco"), metadata=company.caller("viewer")
    )

    assert (reply.model_id, reply.algorithm, reply.r2) == (trained.model_id, trained.algorithm, trained.r2_score)
    assert [each.horizon for each in reply.horizons] == [1, 7, 28]
    assert all(each.n >= 3 and 0 <= each.coverage <= 1 for each in reply.horizons)
    assert reply.horizons[-1].mase < reply.horizons[-1].naive_mase
    assert 0 < reply.mae <= reply.rmse


async def test_without_a_training_there_is_nothing_to_ask(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(FIRST, 60), growing(60))

    predicted = await refusal(
        suite.regression.PredictFollowers(messages.PredictFollowersRequest(username="banco"), metadata=company.caller())
    )
    measured = await refusal(
        suite.regression.GetForecastMetrics(
            messages.GetForecastMetricsRequest(username="banco"), metadata=company.caller()
        )
    )

    assert (predicted.reason, measured.reason) == ("MODEL_NOT_TRAINED", "MODEL_NOT_TRAINED")


async def test_accounts_of_others_are_refused_existing_or_not(suite: Suite, company: Company) -> None:
    for username in ("other", "nobody"):
        error = await refusal(
            suite.regression.TrainForecast(messages.TrainForecastRequest(username=username), metadata=company.caller())
        )
        assert error.reason == "ACCOUNT_FORBIDDEN"


async def test_an_account_is_found_without_regard_to_case(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(FIRST, 30), growing(30))

    reply = await suite.regression.TrainForecast(
        messages.TrainForecastRequest(username="BANCO"), metadata=company.caller()
    )

    assert reply.training_rows == 30


async def test_ingest_is_asked_once_in_a_while_for_each_caller(suite: Suite, company: Company) -> None:
    for subject in ("ana", "ana", "eva"):
        await refusal(
            suite.regression.GetForecastMetrics(
                messages.GetForecastMetricsRequest(username="banco"), metadata=company.caller(subject=subject)
            )
        )

    assert suite.others.asked[-2:] == ["ana", "eva"]
    assert suite.others.asked.count("eva") == 1


async def test_a_viewer_may_not_train(suite: Suite, company: Company) -> None:
    error = await refusal(
        suite.regression.TrainForecast(
            messages.TrainForecastRequest(username="banco"), metadata=company.caller("viewer")
        )
    )

    assert error.http_status == 403
