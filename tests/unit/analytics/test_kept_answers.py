"""Answers are computed once for each version of the data and parameters, and outlive the tables they were made of."""

import asyncio
from uuid import uuid4

from atalaya.analytics.v1 import insurance_activity_pb2, insurance_pb2, insurance_people_pb2
from support.analytics_running import RunningAnalytics
from support.insurance_data import insurance_files
from support.metrics import Counted

CLAIMS = "cassandra/reclamos/reclamos.csv"


async def stats(analytics: RunningAnalytics) -> dict[str, int]:
    request = insurance_pb2.GetClaimStatsRequest()
    reply = await analytics.insurance.GetClaimStats(request, metadata=analytics.viewer)
    return {state: count for state, count in reply.claims_by_estado.items() if count}


def queries() -> Counted:
    return Counted("atalaya_turn_wait_seconds_count", kind="query")


async def test_many_who_ask_at_once_and_later_wait_for_one_computation(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "estado\naprobado\n")
    made, fetched = queries(), Counted("atalaya_lake_fetched_bytes_total")
    assert await asyncio.gather(*(stats(analytics) for _ in range(8))) == [{"aprobado": 1}] * 8
    await stats(analytics)
    # The table and the report.
    assert made.grown() == 2
    assert fetched.grown() == len("estado\naprobado\n")


async def test_a_caller_who_leaves_stops_nobody_else(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "estado\naprobado\n")
    leaving, staying = asyncio.create_task(stats(analytics)), asyncio.create_task(stats(analytics))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == {"aprobado": 1}


async def test_a_change_is_seen_at_the_next_request_and_what_was_seen_before_is_still_kept(
    analytics: RunningAnalytics,
) -> None:
    analytics.put(CLAIMS, "estado\naprobado\n")
    assert await stats(analytics) == {"aprobado": 1}
    for number in range(1, 4):
        analytics.put(CLAIMS, "estado\n" + "pendiente\n" * number)
        assert await stats(analytics) == {"pendiente": number}
    # A second file beside it, and away again: the data are as they were.
    made = queries()
    analytics.put("cassandra/reclamos/more.csv", "estado\nrechazado\n")
    assert await stats(analytics) == {"pendiente": 3, "rechazado": 1}
    analytics.path("cassandra/reclamos/more.csv").unlink()
    assert await stats(analytics) == {"pendiente": 3}
    # The new file's table, and the report over both.
    assert made.grown() == 2


async def test_bad_values_and_the_newest_time_are_asked_for_only_where_the_writer_of_a_table_cannot_tell(
    analytics: RunningAnalytics,
) -> None:
    async def asked(claims: str) -> tuple[float, str, int]:
        analytics.put(CLAIMS, f"policy_number,estado,monto,fecha_reclamo\n{claims}")
        made, request = queries(), insurance_activity_pb2.GetClaimsReportRequest()
        reply = await analytics.activity.GetClaimsReport(request, metadata=analytics.viewer)
        newest = reply.as_of.ToDatetime().isoformat()
        return made.grown(), newest, sum(issue.bad_values for issue in reply.data_issues)

    plain, to_come = "P1,aprobado,10,2024-01-01T10:00:00.5\n", "P2,aprobado,10,2999-01-01\n"
    bad = "P3,aprobado,ten,2024-01-01\n"
    # The table and the report; then also the counts; then also the newest that is not to come.
    assert await asked(plain) == (2, "2024-01-01T10:00:00.500000", 0)
    assert await asked(plain + bad) == (3, "2024-01-01T10:00:00.500000", 1)
    assert await asked(plain + bad + to_come) == (4, "2024-01-01T10:00:00.500000", 1)
    # None at all is known only by looking.
    assert (await asked("P4,aprobado,10,\n"))[::2] == (3, 0)


async def test_a_kept_answer_needs_no_table(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "estado\naprobado\n")
    await stats(analytics)
    for file in analytics.cache.glob("*.parquet"):
        file.unlink()
    made = queries()
    assert await stats(analytics) == {"aprobado": 1}
    assert made.grown() == 0


async def test_a_table_that_was_spoilt_on_this_disk_is_made_again(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "estado\naprobado\n")
    await stats(analytics)
    for file in analytics.cache.glob("*.parquet"):
        file.write_bytes(b"x" * file.stat().st_size)
    # Another shape of the answer, which is not kept.
    request = insurance_pb2.ExportClaimStatsJsonRequest()
    reply = await analytics.insurance.ExportClaimStatsJson(request, metadata=analytics.viewer)
    assert b'"aprobado":1' in reply.data.replace(b" ", b"")


async def test_answers_are_kept_by_their_parameters(analytics: RunningAnalytics) -> None:
    for path, content in insurance_files(1).items():
        analytics.put(path, content)

    async def months(number: int, as_of: str = "") -> int:
        request = insurance_people_pb2.GetGrowthByStateRequest(months=number, as_of=as_of)
        reply = await analytics.people.GetGrowthByState(request, metadata=analytics.viewer)
        return max(len(state.monthly) for state in reply.states.values())

    asked = [(6, ""), (12, ""), (12, "2024-01-31T00:00:00Z"), (12, "2024-01-31T00:00:01Z")]
    for number, as_of in asked:
        assert await months(number, as_of) == number
    made = queries()
    for number, as_of in asked:
        assert await months(number, as_of) == number
    # The same moment in other words.
    assert await months(12, "2024-01-30T19:00:00-05:00") == 12
    assert made.grown() == 0


async def test_nobody_gets_what_is_kept_for_another_company(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "estado\naprobado\n")
    assert await stats(analytics) == {"aprobado": 1}
    analytics.tenant_id = uuid4()
    analytics.put(CLAIMS, "estado\nrechazado\n")
    assert await stats(analytics) == {"rechazado": 1}
