"""The reports' texts go over to Athena's dialect, and what would mean something else there is refused."""

from importlib import resources
from importlib.resources.abc import Traversable

import pytest
import sqlglot
from analytics_service.dialect import Untranslatable, differences, translate


def texts(folder: Traversable, place: str = "") -> dict[str, str]:
    """Every .sql file of the service by its name."""
    found: dict[str, str] = {}
    for item in folder.iterdir():
        if item.is_dir():
            found |= texts(item, f"{place}{item.name}/")
        elif item.name.endswith(".sql"):
            found[f"{place}{item.name}"] = item.read_text(encoding="utf-8")
    return found


TEXTS = texts(resources.files("analytics_service").joinpath("sql"))


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_text_of_the_service_means_the_same_in_both(name: str) -> None:
    assert differences(TEXTS[name]) == []
    moved = translate(TEXTS[name], ())
    parsed = sqlglot.parse_one(moved.text, read="athena")
    marks = list(parsed.find_all(sqlglot.exp.Placeholder))
    assert len(marks) == len(moved.parameters)
    assert "round_half_away" not in moved.text.lower()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT median(x) FROM t", "median"),
        ("SELECT quantile_cont(x, 0.9) FROM t", "percentiles"),
        ("SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY x) FROM t", "percentiles"),
        ("SELECT approx_count_distinct(x) FROM t", "approximation"),
        ("SELECT mode(x) FROM t", "has not been shown"),
        ("SELECT first(x) FROM t", "order"),
        ("SELECT any_value(x) FROM t", "order"),
        ("SELECT list(x) FROM t", "lists"),
        ("SELECT string_agg(x, ',') FROM t", "lists"),
        ("SELECT [1, 2] FROM t", "lists"),
        ("SELECT {'a': 1} FROM t", "structs"),
        ("SELECT * FROM t PIVOT (sum(y) FOR x IN (1))", "PIVOT"),
        ("PIVOT t ON x USING sum(y)", "not a query"),
        ("SELECT x, count(*) FROM t GROUP BY ALL", "GROUP BY ALL"),
        ("SELECT * EXCLUDE (x) FROM t", "changes to"),
        ("SELECT * REPLACE (1 AS x) FROM t", "changes to"),
        ("SELECT x FROM t QUALIFY row_number() OVER (ORDER BY x) = 1", "QUALIFY"),
        ("SELECT 7 // 2", "integer division"),
        ("SELECT date_diff('day', a, b) FROM t", "boundaries"),
        ("SELECT date_diff('month', CAST(a AS DATE), CAST(b AS DATE)) FROM t", "boundaries"),
        ("SELECT date_diff('hour', a, b) FROM t", "boundaries"),
        ("SELECT strftime(a, '%-d %B') FROM t", "%Y"),
        ("SELECT dayofweek(a) FROM t", "isodow"),
        ("SELECT extract(dow FROM a) FROM t", "part of a time"),
        ("SELECT contains(a, 'x') FROM t", "has not been shown"),
        ("SELECT concat(a, b) FROM t", "NULL"),
        ("SELECT try_cast(a AS DOUBLE) FROM t", "typed"),
        ("SELECT a FROM t WHERE a ILIKE 'x%'", "ILIKE"),
        ("SELECT regexp_full_match(a, 'x') FROM t", "has not been shown"),
        ("SELECT sum(a) FILTER (WHERE a > 1) OVER () FROM t", "FILTER"),
        ("SELECT $as_of - INTERVAL (hours) HOUR FROM t", "literal"),
        ("SELECT a FROM t NATURAL JOIN u", "joins"),
        ("SELECT a FROM bound__as_of", "own"),
        ("SELECT FROM", "parsed"),
        ("DELETE FROM t", "not a query"),
    ],
)
def test_what_would_mean_something_else_is_refused(text: str, reason: str) -> None:
    assert any(reason in difference for difference in differences(text)), differences(text)
    with pytest.raises(Untranslatable):
        translate(text, ())


@pytest.mark.parametrize(
    "text",
    [
        "SELECT date_diff('day', CAST(a AS DATE), CAST(b AS DATE)), date_diff('millisecond', a, b) FROM t",
        "SELECT strftime(a, '%Y-%m'), isodow(a), extract(hour FROM a), date_trunc('month', a) FROM t",
        "SELECT corr(a, b), stddev_samp(a), count(*) FILTER (WHERE a > 1) FROM t GROUP BY GROUPING SETS ((), (b))",
        "SELECT sum(a) OVER (ORDER BY b ROWS UNBOUNDED PRECEDING), a || b FROM t ORDER BY a NULLS LAST",
    ],
)
def test_what_means_the_same_passes(text: str) -> None:
    assert differences(text) == []


def test_parameters_keep_their_order_also_within_what_is_expanded() -> None:
    moved = translate("SELECT $c, round_half_away($a + round_half_away($b, 1), 2), $c FROM t", ())
    assert moved.parameters[0] == moved.parameters[-1] == "c"
    assert moved.text.count("?") == len(moved.parameters)
    assert set(moved.parameters) == {"a", "b", "c"}
    # Read back, each mark is one place, and the texts before and after are the same but for the names.
    assert sqlglot.parse_one(moved.text, read="athena").sql("athena").count("?") == len(moved.parameters)


def test_a_dollar_in_quotes_is_no_parameter() -> None:
    moved = translate("SELECT '$as_of', ':x' FROM t WHERE a = $as_of", ())
    assert moved.parameters == ("as_of",)
    assert "'$as_of'" in moved.text
    assert "':x'" in moved.text


def test_a_division_becomes_one_of_doubles() -> None:
    assert "CAST(a AS DOUBLE) / b" in translate("SELECT a / b FROM t", ()).text


def test_tables_may_lie_anywhere() -> None:
    moved = translate("WITH c AS (SELECT * FROM users) SELECT * FROM c, policies", ("policies", "users"))
    text = moved.over({"users": '"db"."t1"', "policies": '(SELECT "a" AS "b" FROM "db"."t2")'})
    parsed = sqlglot.parse_one(text, read="athena")
    assert [cte.alias for cte in parsed.find_all(sqlglot.exp.CTE)] == ["policies", "users", "c"]
    assert {table.name for table in parsed.find_all(sqlglot.exp.Table)} == {"t1", "t2", "users", "c", "policies"}


def test_a_cte_with_a_tables_name_is_refused() -> None:
    with pytest.raises(Untranslatable, match="hides"):
        translate("WITH users AS (SELECT * FROM users) SELECT * FROM users", ("users",))
