"""The report on the quality of the data judges each cell by the specification, once."""

from datetime import datetime
from typing import Any

from atalaya.analytics.v1 import insurance_people_pb2 as pb
from support.analytics_running import NOW, RunningAnalytics
from support.figures import figures

# A dataset of one good cell each, where a test says nothing else.
GOOD = {
    "users": "id\n1\n",
    "clients": "user_id\n1\n",
    "agents": "id\n1\n",
    "beneficiaries": "client_id\n1\n",
}


async def quality(analytics: RunningAnalytics, as_of: str = "", **datasets: str) -> dict[str, Any]:
    for name, content in (GOOD | datasets).items():
        analytics.put(f"mysql/{name}/{name}.csv", content)
    request = pb.GetDataQualityReportRequest(as_of=as_of)
    return figures(await analytics.people.GetDataQualityReport(request, metadata=analytics.viewer))


async def test_emails_have_the_shape_of_a_name_at_a_domain(analytics: RunningAnalytics) -> None:
    good = ["a@b.pe", " a@b.pe\u00a0", "ñandú.x+1@sub.b.pe", "a@b..pe", "'@-.!"]
    bad = [
        "a@b",
        "@b.pe",
        "a@.pe@b.pe",
        "a b@c.pe",
        "a\u00a0b@c.pe",
        "a@b.",
        "a@b@c.pe",
        "a\v@b.pe",
        "a@b.p\u2003e",
        "x",
    ]
    for emails, invalid in ((good, 0), (bad, len(bad))):
        reply = await quality(analytics, users="email\n" + "".join(f"{email}\n" for email in emails))
        assert reply["datasets"]["users"]["columns"]["email"]["invalid"] == invalid


async def test_phones_have_six_to_fifteen_digits(analytics: RunningAnalytics) -> None:
    good = ["123456", "+51 (1) 2-3-4-5", "9" * 15, "annex 987654"]
    bad = ["12345", "9" * 16, "none", "٩٩٩٩٩٩٩"]
    for phones, invalid in ((good, 0), (bad, len(bad))):
        reply = await quality(analytics, users="phone\n" + "".join(f"{phone}\n" for phone in phones))
        assert reply["datasets"]["users"]["columns"]["phone"]["invalid"] == invalid


async def test_dates_after_as_of_and_what_does_not_parse_are_invalid(analytics: RunningAnalytics) -> None:
    reply = await quality(
        analytics,
        "2024-01-01T00:00:00Z",
        users="created_at\n2024-01-01\n2024-01-02\n2024-1-3\nNULL\n",
        clients="user_id,birth_date\n1,2023-12-31T23:00:00-05:00\n",
        agents="is_active\nyes\nperhaps\n\u00a0\n",
    )
    columns = {
        (dataset, name): column
        for dataset, figures in reply["datasets"].items()
        for name, column in figures["columns"].items()
    }
    assert columns["users", "created_at"]["invalid"] == 3
    assert columns["clients", "birth_date"]["invalid"] == 1
    # A line of white space is no row of a file with one column.
    assert columns["agents", "is_active"] == {"missing": 0, "missing_rate": 0.0, "distinct": 2, "invalid": 1}
    assert reply["data_issues"] == [
        {"dataset": "mysql/agents", "column": "is_active", "bad_values": 1},
        {"dataset": "mysql/users", "column": "created_at", "bad_values": 2},
    ]


async def test_distinct_counts_texts_emails_without_case_and_ids_as_they_compare(analytics: RunningAnalytics) -> None:
    reply = await quality(
        analytics,
        users="id,email,state,created_at\n1,A@x.pe,lima,2024-01-01\n1.0,a@X.pe,Lima,2024-01-01T00:00\n"
        "01,,lima ,2024-01-01\n",
    )
    columns = reply["datasets"]["users"]["columns"]
    assert {name: column["distinct"] for name, column in columns.items()} == {
        "id": 2, "email": 1, "state": 2, "created_at": 2,
    }  # fmt: skip
    assert columns["email"]["missing_rate"] == 33.3


async def test_a_cell_is_bad_once(analytics: RunningAnalytics) -> None:
    # Without clients.id the key is user_id: the two 9s are orphans, one of them repeated too; the empty one is missing.
    reply = await quality(
        analytics,
        users="id\n1\n",
        clients="user_id,first_name\n1,Ana\n9,Eva\n9.0,\n,Luz\n1,Sol\n",
        beneficiaries="client_id\n1\n9\n8\n",
    )
    clients = reply["datasets"]["clients"]
    assert (clients["rows"], clients["duplicate_keys"], clients["orphans"]) == (5, 2, {"user_id": 2})
    # Of ten cells: two orphans, one missing id, one repeated 1, one missing name.
    assert clients["quality_score"] == 50.0
    assert reply["datasets"]["beneficiaries"]["orphans"] == {"client_id": 1}
    assert reply["datasets"]["beneficiaries"]["quality_score"] == 66.7
    # Users 1 cell, clients 10, agents 1, beneficiaries 3; six of them bad.
    assert reply["overall_quality_score"] == 60.0


async def test_with_client_ids_these_are_the_key_that_beneficiaries_name(analytics: RunningAnalytics) -> None:
    reply = await quality(
        analytics,
        users="id\n1\n1\n2\n",
        clients="id,user_id\n50,1\n50,1\n51.0,2\n",
        beneficiaries="client_id\n50\n51\n1\n",
    )
    datasets = reply["datasets"]
    assert {name: figures["duplicate_keys"] for name, figures in datasets.items()} == {
        "users": 1, "clients": 1, "agents": 0, "beneficiaries": 0,
    }  # fmt: skip
    assert (datasets["clients"]["orphans"], datasets["beneficiaries"]["orphans"]) == ({"user_id": 0}, {"client_id": 1})
    assert datasets["users"]["orphans"] == {}
    assert datasets["clients"]["quality_score"] == 83.3


async def test_only_documented_columns_that_are_there_count(analytics: RunningAnalytics) -> None:
    reply = await quality(
        analytics, users="ID,Notes\n1,\n", clients="notes\nx\ny\n", agents="", beneficiaries="client_id\n"
    )
    datasets = reply["datasets"]
    assert list(datasets["users"]["columns"]) == ["id"]
    assert (datasets["users"]["quality_score"], datasets["clients"]["rows"]) == (100.0, 2)
    assert datasets["clients"] == {
        "rows": 2, "columns": {}, "duplicate_keys": 0, "orphans": {}, "quality_score": None,
    }  # fmt: skip
    assert (datasets["agents"]["rows"], datasets["agents"]["columns"]) == (0, {})
    assert datasets["beneficiaries"]["columns"] == {
        "client_id": {"missing": 0, "missing_rate": None, "distinct": 0, "invalid": 0}
    }
    assert datasets["beneficiaries"]["quality_score"] is None
    assert reply["overall_quality_score"] == 100.0
    # Without registrations the clock is the end.
    assert reply["as_of"] == NOW.replace(tzinfo=None)


async def test_of_no_cells_at_all_there_is_no_score(analytics: RunningAnalytics) -> None:
    reply = await quality(analytics, users="id\n", clients="user_id\n", agents="id\n", beneficiaries="client_id\n")
    assert reply["overall_quality_score"] is None
    assert reply["as_of"] == datetime(2024, 10, 5, 12)  # noqa: DTZ001
