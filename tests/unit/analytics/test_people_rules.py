"""The rules of the reports on people that are easy to get wrong, each on a case with figures worked out by hand."""

from datetime import datetime
from typing import Any

from atalaya.analytics.v1 import insurance_people_pb2 as pb
from support.analytics_running import NOW, RunningAnalytics
from support.figures import figures

USERS = "id,username,email,role,phone,state,city,created_at\n"
OCTOBER = "2024-10-04T20:39:08Z"


async def ask(analytics: RunningAnalytics, rpc: str, **parameters: Any) -> dict[str, Any]:
    """The reply's figures."""
    request = getattr(pb, f"{rpc}Request")(**parameters)
    return figures(await getattr(analytics.people, rpc)(request, metadata=analytics.viewer))


def put(analytics: RunningAnalytics, **datasets: str) -> None:
    """Puts each dataset into its place; users are one long before, where nothing is said of them."""
    datasets = {"users": f"{USERS}1,,,,,,,2020-01-01\n"} | datasets
    for name, content in datasets.items():
        source = "postgresql" if name == "policies" else "mysql"
        analytics.put(f"{source}/{name}/{name}.csv", content)


def users_of(**months: int) -> str:
    """Users of the state LIMA, so many of each month of 2024."""
    numbers = {"jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10}
    return USERS + "".join(f",,,,,lima,,2024-{numbers[name]:02}-01\n" * count for name, count in months.items())


async def test_recent_is_the_thirty_days_up_to_as_of(analytics: RunningAnalytics) -> None:
    moments = (
        "2024-09-04T20:39:08Z",
        "2024-09-04T20:39:08.001Z",
        "2024-10-04T15:39:08-05:00",
        "2024-10-04T20:39:08.001Z",
    )
    put(analytics, users=USERS + "".join(f"{moment[-6:]},,,,,,,{moment}\n" for moment in moments))
    reply = await ask(analytics, "GetUserStatistics", as_of=OCTOBER)
    assert (reply["total_users"], reply["recent_registrations"]) == (4, 2)
    months = reply["monthly_registrations"]
    assert (min(months), max(months), len(months)) == ("2023-11", "2024-10", 12)
    assert {month: count for month, count in months.items() if count} == {"2024-09": 2, "2024-10": 1}


async def test_emails_are_the_same_without_case_and_missing_ones_are_not(analytics: RunningAnalytics) -> None:
    emails = ("Rosa@X.pe", "rosa@x.pe", " ROSA@x.PE\u00a0", "luis@x.pe", "", " ", "\u00a0")
    put(analytics, users=USERS + "".join(f"1,,{email},,{email},,,\n" for email in emails))
    reply = await ask(analytics, "GetUserStatistics")
    assert reply["data_quality"] == {"missing_emails": 3, "missing_phones": 3, "duplicate_emails": 2}


async def test_top_cities_are_ten_by_name_without_unknown(analytics: RunningAnalytics) -> None:
    cities = ["Lima", "Lima", "lima", "Áncash", "UNKNOWN", "UNKNOWN", "", "", *"KJIHGFEDCB"]
    put(analytics, users=USERS + "".join(f"1,,,,,{city},{city},\n" for city in cities))
    reply = await ask(analytics, "GetUserStatistics")
    assert reply["top_cities"] == {"Lima": 2} | dict.fromkeys("BCDEFGHIJ", 1)
    assert reply["users_by_state"]["UNKNOWN"] == 4
    assert reply["users_by_state"]["LIMA"] == 3


async def test_a_time_to_come_moves_nothing(analytics: RunningAnalytics, clock: dict[str, datetime]) -> None:
    put(analytics, users=f"{USERS}1,,,,,,,2024-10-05T12:00:01Z\n2,,,,,,,2024-10-01\n3,,,,,,,2099-01-01\n")
    assert (await ask(analytics, "GetUserStatistics"))["as_of"] == datetime(2024, 10, 1)  # noqa: DTZ001
    clock["now"] = NOW.replace(second=1)
    reply = await ask(analytics, "GetUserStatistics")
    assert reply["as_of"] == datetime(2024, 10, 5, 12, 0, 1)  # noqa: DTZ001
    assert (reply["total_users"], reply["recent_registrations"]) == (3, 2)


BANDS = [
    ("2006-10-05", OCTOBER, "under 18"),
    ("2006-10-04", OCTOBER, "18-25"),
    ("2006-10-03T23:00:00-05:00", OCTOBER, "18-25"),
    ("2006-10-04T23:00:00-05:00", OCTOBER, "under 18"),
    ("1998-10-05", OCTOBER, "18-25"),
    ("1998-10-04", OCTOBER, "26-35"),
    ("1958-10-05", OCTOBER, "56-65"),
    ("1958-10-04", OCTOBER, "65+"),
    ("2006-02-28", "2024-02-28T00:00:00Z", "18-25"),
    ("2004-02-29", "2022-02-28T23:59:59Z", "under 18"),
    ("2004-02-29", "2022-03-01T00:00:00Z", "18-25"),
    ("2024-10-04", OCTOBER, "under 18"),
    ("2024-10-04T21:00:00Z", OCTOBER, None),
    ("1990-13-01", OCTOBER, None),
    ("", OCTOBER, None),
]


async def test_age_is_in_completed_years(analytics: RunningAnalytics) -> None:
    for born, as_of, band in BANDS:
        put(analytics, clients=f"user_id,document_type,birth_date\n1,dni,{born}\n")
        reply = await ask(analytics, "GetClientDemographics", as_of=as_of)
        counted = [name for name, count in reply["age_distribution"].items() if count]
        assert counted == ([band] if band else []), born
        assert len(reply["age_distribution"]) == 7
        assert reply["missing_birth_dates"] == (0 if band else 1)


async def test_mean_and_median_of_ages_round_halves_up(analytics: RunningAnalytics) -> None:
    born = ["2004-01-01"] * 4 + ["2003-01-01"] * 2 + ["2000-01-01", "1999-12-31", ""]
    put(analytics, clients="user_id,document_type,birth_date\n" + "".join(f"1,,{date}\n" for date in born))
    reply = await ask(analytics, "GetClientDemographics", as_of=OCTOBER)
    # Four of 20, two of 21, two of 24: 170 / 8 and the middle between 20 and 21.
    assert (reply["average_age"], reply["median_age"], reply["missing_birth_dates"]) == (21.25, 20.5, 1)


async def test_a_client_has_its_users_state_else_its_own(analytics: RunningAnalytics) -> None:
    put(
        analytics,
        users=f"{USERS}17,,,,,Piura,,\n17.0,,,,,lima,,\n18,,,,,,,\n019,,,,,cusco,,\n",
        clients="user_id,document_type,birth_date,state\n17,,,x\n17.00,,,\n18,,,tacna\n19,,,\n,,,puno\n",
    )
    reply = await ask(analytics, "GetClientDemographics")
    assert reply["clients_by_state"] == {"LIMA": 2, "TACNA": 1, "UNKNOWN": 1, "PUNO": 1}


async def test_genders_are_told_only_where_there_is_the_column(analytics: RunningAnalytics) -> None:
    put(analytics, clients="user_id,document_type,birth_date\n1,,\n")
    assert (await ask(analytics, "GetClientDemographics"))["gender_distribution"] is None
    put(analytics, clients="user_id,document_type,birth_date,Gender\n1,,,f\n1,,, F \n1,,,\n")
    assert (await ask(analytics, "GetClientDemographics"))["gender_distribution"] == {"F": 2, "UNKNOWN": 1}
    put(analytics, clients="user_id,document_type,birth_date,gender\n")
    assert (await ask(analytics, "GetClientDemographics"))["gender_distribution"] == {}


async def test_agents_are_ranked_by_rounded_premium_then_name_then_id(analytics: RunningAnalytics) -> None:
    put(
        analytics,
        agents="id,code,first_name,last_name,is_active\n3,C,Ana,Paz,no\n2,B,Ana,Paz,\n1,A,Eva,,SÍ\n4,,,,perhaps\n"
        "5,E,,Zoe,1\n,X,No,Key,1\n5.0,D,Bea,,f\n",
        policies="customer_id,agent_id,premium\n7,1,10.004\n7,2,10.001\n8,2.0,\n,3,10\n9,nobody,999\n9,,999\n7,4,x\n",
    )
    reply = await ask(analytics, "GetAgentPremiums")
    assert [(agent["agent_id"], agent["name"]) for agent in reply["agents"]] == [
        ("2", "Ana Paz"), ("3", "Ana Paz"), ("1", "Eva"), ("5", "Bea Zoe"), ("4", None),
    ]  # fmt: skip
    assert reply["agents"][0] == {
        "agent_id": "2", "code": "B", "name": "Ana Paz", "is_active": None, "policies": 2, "total_premium": 10.0,
        "average_premium": 10.0, "customers": 2,
    }  # fmt: skip
    assert (reply["agents"][1]["customers"], reply["agents"][3]["code"], reply["agents"][3]["is_active"]) == (
        0,
        "D",
        False,
    )
    assert (reply["agents"][4]["policies"], reply["agents"][4]["average_premium"]) == (1, None)
    counts = [reply[name] for name in ("total_agents", "active_agents", "inactive_agents", "without_policies")]
    assert (counts, reply["active_rate"]) == ([7, 3, 2, 3], 60.0)
    assert [(issue["column"], issue["bad_values"]) for issue in reply["data_issues"]] == [
        ("is_active", 1),
        ("premium", 1),
    ]


async def test_a_sum_that_no_double_holds_is_absent_and_last(analytics: RunningAnalytics) -> None:
    put(
        analytics,
        agents="id,code,first_name,last_name,is_active\n1,,A,,\n2,,B,,\n3,,C,,\n",
        policies="customer_id,agent_id,premium\n1,1,1e308\n1,1,1e308\n1,2,-1\n",
    )
    reply = await ask(analytics, "GetAgentPremiums")
    assert [(agent["agent_id"], agent["total_premium"]) for agent in reply["agents"]] == [
        ("3", 0.0), ("2", -1.0), ("1", None),
    ]  # fmt: skip


async def test_agents_go_by_the_date_of_policies_row_by_row(analytics: RunningAnalytics) -> None:
    put(
        analytics,
        agents="id,code,first_name,last_name,is_active\n",
        policies="customer_id,agent_id,premium,start_date,issue_date,created_at\n"
        "1,1,1,2024-01-01,2024-09-09,2024-09-09\n1,1,1,,2024-02-02,2024-09-09\n1,1,1,never,,2024-03-03\n",
    )
    reply = await ask(analytics, "GetAgentPremiums")
    assert reply["as_of"] == datetime(2024, 3, 3)  # noqa: DTZ001
    assert reply["data_issues"] == [{"dataset": "postgresql/policies", "column": "start_date", "bad_values": 1}]


async def test_beneficiaries_without_client_are_no_ones(analytics: RunningAnalytics) -> None:
    put(
        analytics,
        beneficiaries="client_id,relationship,birth_date\n1,hijo,2006-10-04\n1.0,Hijo,2006-10-05\n2,,2099-01-01\n"
        ",hijo,\n",
    )
    reply = await ask(analytics, "GetBeneficiaryRelationships", as_of=OCTOBER)
    assert (reply["total_beneficiaries"], reply["relationships"]) == (4, {"HIJO": 3, "UNKNOWN": 1})
    assert (reply["clients_with_beneficiaries"], reply["average_beneficiaries_per_client"]) == (2, 1.5)
    assert reply["age_by_relationship"] == {
        "HIJO": {"average_age": 17.5, "minors": 1},
        "UNKNOWN": {"average_age": None, "minors": 0},
    }


GROWTH: list[tuple[int, dict[str, int], float | None]] = [
    # The month of as_of never counts, nor an odd oldest month.
    (4, {"jul": 9, "aug": 2, "sep": 3, "oct": 50}, 50.0),
    (5, {"jun": 1, "jul": 2, "aug": 1, "sep": 0, "oct": 50}, -66.7),
    (3, {"aug": 16, "sep": 15}, -6.3),
    (3, {"aug": 0, "sep": 3}, None),
    (2, {"sep": 3, "oct": 3}, None),
    (1, {"oct": 3}, None),
]


async def test_growth_compares_halves_of_whole_months(analytics: RunningAnalytics) -> None:
    for months, registered, rate in GROWTH:
        put(analytics, users=users_of(**registered))
        reply = await ask(analytics, "GetGrowthByState", months=months, as_of=OCTOBER)
        state = reply["states"]["LIMA"]
        assert (reply["months"], state["growth_rate"], len(state["monthly"])) == (months, rate, months)


async def test_the_fastest_growing_are_known_states_those_without_rate_last(analytics: RunningAnalytics) -> None:
    growing = {
        "": (1, 9),
        "unknown": (1, 9),
        "tacna": (1, 2),
        "cusco": (1, 2),
        "puno": (2, 1),
        "b": (0, 1),
        "a": (0, 0),
    }
    rows = [
        f"1,,,,,{state},,{date}\n"
        for state, counts in growing.items()
        for date, count in zip(("2024-08-31T23:59:59Z", "2024-09-01", "2024-10-05"), (*counts, 1), strict=True)
        for _ in range(count)
    ]
    put(analytics, users=USERS + "".join(rows))
    reply = await ask(analytics, "GetGrowthByState", months=3, as_of=OCTOBER)
    assert [(item["state"], item["growth_rate"]) for item in reply["fastest_growing"]] == [
        ("CUSCO", 100.0), ("TACNA", 100.0), ("PUNO", -50.0), ("A", None), ("B", None),
    ]  # fmt: skip
    # What comes after as_of is in the total and nowhere else.
    assert reply["states"]["CUSCO"] == {
        "total": 4, "monthly": {"2024-08": 1, "2024-09": 2, "2024-10": 0}, "growth_rate": 100.0, "cumulative": 3,
    }  # fmt: skip
    assert reply["states"]["UNKNOWN"]["total"] == 22
