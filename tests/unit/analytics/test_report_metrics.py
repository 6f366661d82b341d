"""What the Prometheus page says of reports, kept answers and tables, and the lake."""

from atalaya.analytics.v1 import insurance_pb2 as pb
from support.analytics_running import RunningAnalytics
from support.metrics import Counted
from support.running import refusal


async def test_answers_tables_and_bytes_are_counted_by_how_they_came_about(analytics: RunningAnalytics) -> None:
    outcomes = {
        outcome: Counted("atalaya_report_seconds_count", report="claim_stats", outcome=outcome)
        for outcome in ("computed", "kept", "DATASET_NOT_FOUND", "COLUMN_MISSING")
    }
    hits, misses = (Counted("atalaya_answers_total", result=result) for result in ("hit", "miss"))
    parsed, found = (Counted("atalaya_tables_total", result=result) for result in ("miss", "hit"))
    fetched = Counted("atalaya_lake_fetched_bytes_total")
    waited = Counted("atalaya_turn_wait_seconds_count", kind="query")
    request = pb.GetClaimStatsRequest()
    await refusal(analytics.insurance.GetClaimStats(request, metadata=analytics.viewer))
    analytics.put("cassandra/reclamos/reclamos.csv", "id\n1\n")
    await refusal(analytics.insurance.GetClaimStats(request, metadata=analytics.viewer))
    content = "estado\naprobado\n"
    analytics.put("cassandra/reclamos/reclamos.csv", content)
    for _ in range(3):
        await analytics.insurance.GetClaimStats(request, metadata=analytics.viewer)
    # The same table for another shape of the answer.
    await analytics.insurance.ExportClaimStatsJson(pb.ExportClaimStatsJsonRequest(), metadata=analytics.viewer)
    assert {name: count.grown() for name, count in outcomes.items()} == {
        "computed": 2,
        "kept": 2,
        "DATASET_NOT_FOUND": 1,
        "COLUMN_MISSING": 1,
    }
    assert (hits.grown(), misses.grown()) == (2, 4)
    assert (found.grown(), parsed.grown()) == (1, 2)
    assert fetched.grown() == len("id\n1\n") + len(content)
    assert waited.grown() >= 2
