"""Social accounts, the list of every service's jobs, records by days, and what other tenants see of it: nothing."""

import json
from collections.abc import Callable

import pytest
from atalaya.ingest.v1 import accounts_pb2, data_pb2, records_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service.new_id import new_id
from support.ingest_running import AnalyticsJobs, MlJobs, Tenant
from support.running import refusal


async def test_accounts_are_listed_by_name_in_pages(tenant: Tenant) -> None:
    for name in ("Caja", "banco", "Ágora"):
        await tenant.add_account(name)
    names, token = [], ""
    for _ in range(2):
        request = accounts_pb2.ListSocialAccountsRequest(page_size=2, page_token=token)
        page = await tenant.accounts.ListSocialAccounts(request, metadata=tenant.bearer("viewer"))
        names.append([account.username for account in page.social_accounts])
        token = page.next_page_token
    assert (names, token) == ([["banco", "Caja"], ["Ágora"]], "")
    visible = await tenant.accounts.ListVisibleAccounts(
        accounts_pb2.ListVisibleAccountsRequest(), metadata=tenant.bearer("viewer")
    )
    assert list(visible.usernames) == ["banco", "Caja", "Ágora"]


async def test_an_account_has_a_number_a_platform_and_an_id(tenant: Tenant) -> None:
    first, second = await tenant.add_account("banco"), await tenant.add_account("caja")
    assert (first.id_usuario, second.id_usuario) == (1, 2)
    assert (first.platform, first.status, first.is_active, len(first.id)) == ("csv", "connected", True, 36)
    assert not first.HasField("last_sync_at")


async def test_the_same_account_twice_is_a_conflict_without_case(tenant: Tenant) -> None:
    await tenant.add_account("Banco")
    request = accounts_pb2.CreateSocialAccountRequest(platform="csv", username="BANCO")
    error = await refusal(tenant.accounts.CreateSocialAccount(request, metadata=tenant.bearer()))
    assert (error.reason, error.http_status) == ("ACCOUNT_EXISTS", 409)


async def test_platforms_that_are_not_built_are_refused(tenant: Tenant) -> None:
    request = accounts_pb2.CreateSocialAccountRequest(platform="instagram", username="banco")
    error = await refusal(tenant.accounts.CreateSocialAccount(request, metadata=tenant.bearer()))
    assert (error.reason, error.http_status) == ("PLATFORM_NOT_AVAILABLE", 400)


async def test_two_tenants_share_nothing(tenant: Tenant, new_tenant: Callable[[], Tenant]) -> None:
    other = new_tenant()
    await tenant.add_account()
    await tenant.run("fecha,texto,id\n2024-01-05,a,1\n", kind="posts", account="banco")
    for usuario in ("banco", "nobody"):
        request = records_pb2.ListPublicacionesRequest(usuario=usuario)
        error = await refusal(other.records.ListPublicaciones(request, metadata=other.bearer()))
        assert (error.reason, error.http_status) == ("ACCOUNT_FORBIDDEN", 403)
    assert (await other.add_account()).id_usuario == 1
    assert await other.posts() == []
    job = await other.run("fecha,texto,id\n2024-01-05,b,1\n", kind="posts", account="banco")
    assert job.rows_written == 1
    assert [post.contenido for post in await tenant.posts()] == ["a"]


async def test_a_job_of_another_tenant_is_not_found(tenant: Tenant, new_tenant: Callable[[], Tenant]) -> None:
    job_id = await tenant.upload("a,b\n1,2\n", kind="dataset", dataset="mysql/users")
    await tenant.ended(job_id)
    stranger = new_tenant()
    request = data_pb2.GetJobRequest(job_id=job_id)
    assert (await refusal(stranger.jobs.GetJob(request, metadata=stranger.bearer()))).reason == "JOB_NOT_FOUND"
    ended = await refusal(tenant.jobs.CancelJob(data_pb2.CancelJobRequest(job_id=job_id), metadata=tenant.bearer()))
    assert (ended.reason, ended.http_status) == ("JOB_ENDED", 409)


async def test_no_job_is_of_a_kind_with_a_nul_character(tenant: Tenant) -> None:
    await tenant.ended(await tenant.upload("a,b\n1,2\n", kind="dataset", dataset="t"))
    page = await tenant.jobs.ListJobs(data_pb2.ListJobsRequest(kind="import\0"), metadata=tenant.bearer("viewer"))
    assert not page.jobs


async def test_jobs_of_all_services_are_one_list_by_time(
    tenant: Tenant,
    new_tenant: Callable[[], Tenant],
    ml_jobs: tuple[MlJobs, str],
    analytics_jobs: tuple[AnalyticsJobs, str],
) -> None:
    bearer, expected, of_ml = tenant.bearer(), [], []
    for number in range(2):
        expected.append(await tenant.upload("a,b\n1,2\n", kind="dataset", dataset=f"t{number}"))
        trained = job_pb2.Job(job_id=f"ml/{new_id()}", kind="train_forecast")
        of_ml.append(trained)
        expected.append(trained.job_id)
    ml_jobs[0].jobs[bearer[0][1]] = of_ml
    refreshed = job_pb2.Job(job_id=f"analytics/{new_id()}", kind="refresh_rfm")
    analytics_jobs[0].jobs[bearer[0][1]] = [refreshed]
    expected.append(refreshed.job_id)
    found, token = [], ""
    while True:
        request = data_pb2.ListJobsRequest(page_size=2, page_token=token)
        page = await tenant.jobs.ListJobs(request, metadata=bearer)
        found.append([job.job_id for job in page.jobs])
        token = page.next_page_token
        if not token:
            break
    newest = expected[::-1]
    assert found == [newest[:2], newest[2:4], newest[4:]]
    assert newest[0].startswith("analytics/")
    first = await tenant.jobs.ListJobs(data_pb2.ListJobsRequest(page_size=2), metadata=bearer)
    for request, caller in (
        (data_pb2.ListJobsRequest(page_token=first.next_page_token), new_tenant()),
        (data_pb2.ListJobsRequest(page_token=first.next_page_token, kind="import"), tenant),
    ):
        error = await refusal(caller.jobs.ListJobs(request, metadata=caller.bearer()))
        assert error.reason == "BAD_PAGE_TOKEN"


METRICS = """fecha,followers,following,engagement,impressions
2024-01-01 23:30,1000,10,3.25,
2024-01-02 00:30,1100,,4,7
2024-01-03,1200,12,,
"""


async def test_metrics_come_as_json_with_the_documented_keys_in_order(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run(METRICS, kind="metrics", account="banco", timezone="UTC")
    assert job.rows_written == 3, job
    request = records_pb2.ExportMetricasJsonRequest(usuario="banco")
    body = await tenant.records.ExportMetricasJson(request, metadata=tenant.bearer("viewer"))
    rows = json.loads(body.data)
    assert body.content_type == "application/json"
    assert list(rows[0].items()) == [
        ("id_metrica", 1),
        ("id_usuario", 1),
        ("seguidores", 1000),
        ("siguiendo", 10),
        ("engagement_rate", 3.25),
        ("engagement", 3.25),
        ("hora", "2024-01-01T23:30:00Z"),
    ]
    assert (rows[1]["impresiones"], "siguiendo" in rows[1]) == (7, False)
    assert [row["engagement_rate"] for row in tenant.lake_rows("social/metrics")] == [3.25, 4.0, None]


async def test_posts_come_as_json_with_the_documented_keys_in_order(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run("fecha,texto\n2024-01-05T10:00:00.250Z,¡Hola!\n", kind="posts", account="banco")
    [post] = await tenant.posts_json()
    assert list(post.items()) == [
        ("id_publicacion", 1),
        ("id_usuario", 1),
        ("contenido", "¡Hola!"),
        ("fecha_publicacion", "2024-01-05T10:00:00.25Z"),
        ("likes", 0),
        ("comentarios", 0),
        ("compartidos", 0),
        ("tipo_contenido", ""),
        ("hashtags", ""),
        ("menciones", 0),
        ("id", 1),
    ]


@pytest.mark.parametrize(
    ("desde", "hasta", "followers"),
    [("2024-01-02", "2024-01-02", [1100]), ("2024-01-02", "", [1100, 1200]), ("", "2024-01-01", [1000])],
)
async def test_days_are_those_of_the_tenants_time_zone(
    tenant: Tenant, desde: str, hasta: str, followers: list[int]
) -> None:
    await tenant.add_account()
    await tenant.run(METRICS, kind="metrics", account="banco")
    request = records_pb2.ListMetricasRequest(usuario="banco", desde=desde, hasta=hasta)
    page = await tenant.records.ListMetricas(request, metadata=tenant.bearer("viewer"))
    assert [metric.seguidores for metric in page.metricas] == followers
    assert page.total == len(followers)


@pytest.mark.parametrize(
    ("desde", "hasta", "reason"),
    [("2024-02-30", "", "BAD_DATE"), ("2024-02-02", "2024-02-01", "DATE_RANGE_REVERSED")],
)
async def test_days_that_are_none_are_refused(tenant: Tenant, desde: str, hasta: str, reason: str) -> None:
    await tenant.add_account()
    request = records_pb2.ListPublicacionesRequest(usuario="banco", desde=desde, hasta=hasta)
    assert (await refusal(tenant.records.ListPublicaciones(request, metadata=tenant.bearer()))).reason == reason


async def test_posts_are_listed_by_limit_offset_and_type(tenant: Tenant) -> None:
    await tenant.add_account()
    file = "fecha,texto,type\n" + "".join(
        f"2024-01-{day:02d},t{day},{'photo' if day % 2 else 'video'}\n" for day in range(1, 8)
    )
    await tenant.run(file, kind="posts", account="banco")
    request = records_pb2.ListPublicacionesRequest(usuario="BANCO", tipo_contenido="photo", limit=2, offset=1)
    page = await tenant.records.ListPublicaciones(request, metadata=tenant.bearer())
    assert ([post.contenido for post in page.publicaciones], page.total) == (["t3", "t5"], 4)
