"""What the suite says of itself: root, health, status, data."""

from atalaya.analytics.v1 import system_pb2 as pb
from support.analytics_running import NOW, RunningAnalytics
from support.insurance_data import insurance_files
from support.running import refusal


async def test_the_root_says_what_this_is(analytics: RunningAnalytics) -> None:
    reply = await analytics.system.GetRoot(pb.GetRootRequest())
    assert (reply.status, reply.data_source) == ("OK", "Local lake")
    assert list(reply.available_databases) == ["MySQL", "PostgreSQL", "Cassandra"]
    assert reply.version.count(".") == 2


async def test_health_without_a_token_says_one_word_for_each_part(analytics: RunningAnalytics) -> None:
    reply = await analytics.system.GetHealth(pb.GetHealthRequest())
    # No other service runs here and no worker, so nobody vouches for their parts; analytics has its own database.
    assert (reply.status, reply.database, reply.redis, reply.workers, reply.celery) == (
        "DEGRADED",
        "ok",
        "down",
        "down",
        "down",
    )
    assert reply.lake == "ok"
    assert reply.timestamp.ToDatetime() == NOW.replace(tzinfo=None)
    assert not reply.HasField("data_availability")
    assert not reply.HasField("bucket_summary")


async def test_health_tells_a_signed_in_caller_of_its_own_data(analytics: RunningAnalytics) -> None:
    files = insurance_files(1)
    del files["mysql/agents/agents.csv"]
    for path, content in files.items():
        analytics.put(path, content)
    reply = await analytics.system.GetHealth(pb.GetHealthRequest(), metadata=analytics.viewer)
    assert reply.data_availability.mysql.users
    assert not reply.data_availability.mysql.agents
    assert reply.data_availability.cassandra.pagos
    assert reply.bucket_summary.total_objects == 10
    assert reply.bucket_summary.total_size_mb == round(sum(map(len, files.values())) / 1e6, 1)
    assert dict(reply.bucket_summary.databases) == {"mysql": 3, "postgresql": 4, "cassandra": 3}
    stranger = analytics.issuer.bearer("00000000-0000-7000-8000-000000000001")
    theirs = await analytics.system.GetHealth(pb.GetHealthRequest(), metadata=stranger)
    assert theirs.bucket_summary.total_objects == 0
    assert theirs.HasField("data_availability")


async def test_health_answers_though_the_lake_is_away(analytics: RunningAnalytics) -> None:
    analytics.lake.parent.mkdir(exist_ok=True)
    # A file where the tenant's folders should be: the lake refuses.
    analytics.path("").parent.mkdir(parents=True, exist_ok=True)
    analytics.path("").write_bytes(b"")
    reply = await analytics.system.GetHealth(pb.GetHealthRequest(), metadata=analytics.viewer)
    assert reply.status == "DEGRADED"


async def test_status_names_each_service_and_each_route(analytics: RunningAnalytics) -> None:
    reply = await analytics.system.GetStatus(pb.GetStatusRequest())
    assert (reply.status, reply.services["analytics"], reply.services["auth"]) == ("degraded", "serving", "not_serving")
    assert sorted(reply.services) == ["analytics", "auth", "ingest", "insights", "ml"]
    routes = {(item.method, item.path): item.summary for item in reply.endpoints}
    assert (
        routes["GET", "/cross/analytics/customer-journey"] == "Follows users to clients, policyholders and claimants."
    )
    assert routes["GET", "/"] == "Says what this is."
    assert all(routes.values())
    assert [item.path for item in reply.endpoints] == sorted(item.path for item in reply.endpoints)


async def test_data_info_lists_what_is_there_with_its_path(analytics: RunningAnalytics) -> None:
    analytics.put("mysql/users/users.csv", "id\n")
    analytics.put("cassandra/pagos/2024.csv", "id\n")
    analytics.put("cassandra/pagos/2025.csv", "id\n")
    analytics.put("postgresql/products/_ignored.csv", "id\n")
    analytics.put("postgresql/policies/deep/policies.csv", "id\n")
    reply = await analytics.system.GetDataInfo(pb.GetDataInfoRequest(), metadata=analytics.viewer)
    assert list(reply.available_data.mysql) == ["users"]
    assert list(reply.available_data.postgresql) == []
    assert dict(reply.data_paths.mysql) == {"users": "mysql/users/users.csv"}
    assert dict(reply.data_paths.cassandra) == {"pagos": "cassandra/pagos/"}


async def test_data_info_needs_a_token(analytics: RunningAnalytics) -> None:
    error = await refusal(analytics.system.GetDataInfo(pb.GetDataInfoRequest()))
    assert error.http_status == 401
