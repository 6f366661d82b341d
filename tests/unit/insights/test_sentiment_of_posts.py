"""GetSentiment through the stub, over posts in a lake on disk and labels in PostgreSQL."""

import shutil

import pytest
from support import postgres
from support.insights_running import RunningInsights
from support.running import refusal

GOOD, BAD, PLAIN = "Excelente servicio, gracias", "Pésimo servicio, una vergüenza", "La agencia abre a las 9"


def labels_stored(insights: RunningInsights) -> int:
    with postgres.server().connect(insights.database.name) as connection:
        row = connection.execute(
            "select count(*) from text_labels where tenant_id = %s", (insights.tenant_id,)
        ).fetchone()
        return int(row[0]) if row else -1


async def test_posts_are_counted_by_label_and_by_day_of_the_tenant(insights: RunningInsights) -> None:
    company = insights.company("BancoUno", "BancoDos")
    company.write_posts(
        [
            ("BancoUno", "2026-03-01T15:00:00+00:00", GOOD),
            # Four in the morning in UTC is still the evening before in Lima.
            ("BancoUno", "2026-03-02T04:00:00+00:00", BAD),
            ("BancoDos", "2026-03-02T15:00:00+00:00", PLAIN),
            ("BancoDos", "2026-03-02T16:00:00+00:00", GOOD),
            ("BancoDos", "2026-03-02T17:00:00+00:00", "  "),
        ]
    )
    found = await company.sentiment()
    assert found.total == 4
    assert (found.positive, found.neutral, found.negative) == (0.5, 0.25, 0.25)
    assert [(day.date, day.positive_count, day.neutral_count, day.negative_count) for day in found.by_day] == [
        ("2026-03-01", 1, 0, 1),
        ("2026-03-02", 1, 1, 0),
    ]
    assert found.engine == "offline-lexicon-1"
    assert -1 <= found.score <= 1
    assert found.score == pytest.approx(sum(day.score * 2 for day in found.by_day) / 4, abs=1e-4)
    # Two of four: (0.5 + z²/8 ± z·sqrt(1/16 + z²/64)) / (1 + z²/4).
    assert (found.intervals.positive.lower, found.intervals.positive.upper) == pytest.approx((0.150, 0.850), abs=1e-3)


async def test_account_and_days_narrow_the_posts(insights: RunningInsights) -> None:
    company = insights.company("BancoUno", "BancoDos")
    company.write_posts(
        [
            ("BancoUno", "2026-03-01T04:59:59+00:00", GOOD),
            ("BancoUno", "2026-03-01T05:00:00+00:00", BAD),
            ("BancoUno", "2026-03-03T04:59:59+00:00", BAD),
            ("BancoUno", "2026-03-03T05:00:00+00:00", GOOD),
            ("BancoDos", "2026-03-02T12:00:00+00:00", GOOD),
        ]
    )
    found = await company.sentiment(account="bancouno", start_date="2026-03-01", end_date="2026-03-02")
    assert (found.total, found.negative) == (2, 1.0)
    assert (await company.sentiment(account="BancoUno", start_date="2026-03-03")).total == 1
    assert (await company.sentiment(end_date="2026-02-28")).total == 1
    assert (await company.sentiment(start_date="0001-01-01", end_date="9999-12-31")).total == 5


async def test_nothing_imported_is_no_posts_and_no_intervals(insights: RunningInsights) -> None:
    found = await insights.company("BancoUno").sentiment()
    assert (found.total, found.positive, found.score, len(found.by_day)) == (0, 0.0, 0.0, 0)
    assert not found.HasField("intervals")


async def test_an_account_of_nobody_or_of_others_is_forbidden(insights: RunningInsights) -> None:
    company, other = insights.company("BancoUno"), insights.company("BancoDos")
    other.write_posts([("BancoDos", "2026-03-01T15:00:00+00:00", GOOD)])
    for account in ("BancoDos", "Nowhere"):
        assert (await refusal(company.sentiment(account=account))).reason == "ACCOUNT_FORBIDDEN"


async def test_posts_of_accounts_that_the_caller_may_not_see_are_left_out(insights: RunningInsights) -> None:
    company = insights.company("BancoUno")
    company.write_posts([("Secret", "2026-03-01T15:00:00+00:00", BAD), ("BancoUno", "2026-03-01T15:00:00+00:00", GOOD)])
    assert (await company.sentiment()).total == 1
    assert (await insights.company().sentiment()).total == 0


async def test_dates_in_the_wrong_order_or_of_no_calendar_are_refused(insights: RunningInsights) -> None:
    company = insights.company("BancoUno")
    reversed_dates = await refusal(company.sentiment(start_date="2026-03-02", end_date="2026-03-01"))
    assert reversed_dates.reason == "DATE_RANGE_REVERSED"
    assert (await refusal(company.sentiment(start_date="2026-02-30"))).reason == "INVALID_REQUEST"


async def test_each_text_is_labelled_once(insights: RunningInsights) -> None:
    company = insights.company("BancoUno")
    posts = [("BancoUno", f"2026-03-{day:02d}T15:00:00+00:00", f"{GOOD} {day % 7}") for day in range(1, 29)] * 5
    company.write_posts(posts)
    first = await company.sentiment()
    assert first.total == 140
    assert labels_stored(company) == 7
    # What is stored is believed: a label that we change by hand comes back.
    with postgres.server().connect(insights.database.name) as connection:
        connection.execute(
            "update text_labels set label = 'negative', positive = 0, negative = 1 where tenant_id = %s",
            (company.tenant_id,),
        )
        connection.commit()
    again = await company.sentiment()
    assert (again.total, again.negative, again.score) == (140, 1.0, -1.0)


async def test_one_tenant_does_not_profit_from_the_labels_of_another(insights: RunningInsights) -> None:
    for company in (insights.company("BancoUno"), insights.company("BancoUno")):
        company.write_posts([("BancoUno", "2026-03-01T15:00:00+00:00", GOOD)])
        assert (await company.sentiment()).positive == 1.0
        assert labels_stored(company) == 1


async def test_ingest_is_asked_once_in_half_a_minute(insights: RunningInsights) -> None:
    company = insights.company("BancoUno")
    before = insights.known.asked
    for _ in range(3):
        await company.sentiment()
    assert insights.known.asked == before + 1


async def test_a_lake_that_cannot_be_read_is_unavailable(insights: RunningInsights) -> None:
    company = insights.company("BancoUno")
    company.write_posts([("BancoUno", "2026-03-01T15:00:00+00:00", GOOD)])
    shutil.rmtree(insights.lake / f"tenant={company.tenant_id}" / "social" / "posts" / "cuenta=BancoUno")
    assert (await refusal(company.sentiment())).reason == "LAKE_UNAVAILABLE"
