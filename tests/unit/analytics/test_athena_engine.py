"""What is Athena's own: its API's failures, its limits and costs, and the tables that lie beside the lake for it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from analytics_service import athena_tables
from analytics_service.athena_tables import AthenaTables, typed_columns
from analytics_service.aws_calls import AwsCalls
from analytics_service.config import Settings
from analytics_service.datasets import CLAIMS, INSURANCE, TRANSACTIONS
from analytics_service.query_cost import price
from analytics_service.query_engine import Query, QueryFailed, Row
from pyarrow import parquet
from pydantic import ValidationError
from service_runtime.errors import DeadlineExceeded, ServiceError, Unavailable
from service_runtime.lake import Lake, tenant_lake
from service_runtime.request import current_request, read_request
from support import s3
from support.athena_backends import DuckDbBackend, glue
from support.athena_running import House, athena_settings
from support.athena_running import house as building
from support.athena_server import AthenaServer
from support.engine_suite import CLAIMS_CSV, CLAIMS_FILE
from support.faulty_link import Behaviour, FaultyLink

pytestmark = pytest.mark.slow

COUNT = "SELECT count(*) AS claims FROM reclamos WHERE fecha_reclamo <= $as_of"
MOMENT = datetime(2024, 5, 6, 7, 8, 9, 10)  # noqa: DTZ001


@pytest.fixture(scope="module")
def server() -> Iterator[AthenaServer]:
    server = AthenaServer(DuckDbBackend())
    yield server
    server.close()


@pytest.fixture(scope="module")
async def running(server: AthenaServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with opened(tmp_path_factory.mktemp("house"), server) as running:
        yield running


@pytest.fixture
def athena(server: AthenaServer) -> AthenaServer:
    """The stand-in, as if it had just started."""
    server.reset()
    return server


@pytest.fixture
def house(running: House, athena: AthenaServer) -> House:
    """The running house for a tenant of the test's own."""
    return running.of(uuid4())


def opened(folder: Path, athena: AthenaServer, **settings: Any) -> Any:
    return building(athena_settings(folder, athena, **settings))


async def ask(house: House, sql: str = COUNT, as_of: datetime = MOMENT) -> list[Row]:
    if not house.lake.list(CLAIMS.folder):
        house.lake.put_bytes(CLAIMS_CSV, CLAIMS_FILE)
    tables = await house.sources(CLAIMS)
    return await house.engines.reports.rows(Query(str(house.tenant_id), sql, tables, {"as_of": as_of}))


async def refused(house: House, sql: str = COUNT) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await ask(house, sql)
    return caught.value


async def test_parameters_never_stand_in_the_text(house: House, athena: AthenaServer) -> None:
    assert await ask(house) == [{"claims": 2}]
    (run,) = athena.runs
    assert run.request["ExecutionParameters"] == ["TIMESTAMP '2024-05-06 07:08:09.000010'"]
    assert "2024" not in run.request["QueryString"]


async def test_results_and_tables_lie_in_the_tenants_own_part(house: House, athena: AthenaServer) -> None:
    other = house.of(uuid4())
    await ask(house)
    await ask(other)
    first, second = athena.runs
    assert first.file.startswith(f"{house.lake.url}/_analytics/results/")
    assert second.file.startswith(f"{other.lake.url}/_analytics/results/")
    assert house.tenant_id.hex in first.request["QueryString"]
    assert house.tenant_id.hex not in second.request["QueryString"]
    for owner in (house, other):
        (table,) = all_tables(owner)
        assert table["StorageDescriptor"]["Location"].startswith(f"{owner.lake.url}/_analytics/tables/reclamos/")


async def test_another_place_for_results_has_a_folder_for_each_tenant(tmp_path: Path, athena: AthenaServer) -> None:
    bucket = s3.new_bucket()
    async with opened(tmp_path, athena, athena_output_location=f"s3://{bucket}/results/") as house:
        await ask(house)
        assert athena.runs[0].file.startswith(f"s3://{bucket}/results/tenant={house.tenant_id}/")


async def test_what_lies_beside_the_datasets_is_none(house: House) -> None:
    await ask(house)
    paths = [file.path for file in house.lake.list("")]
    assert [path for path in paths if not path.startswith("_analytics/")] == [CLAIMS_FILE]
    assert {file.path for file in (await house.tables.files(house.tenant_id, [CLAIMS]))[CLAIMS.name]} == {CLAIMS_FILE}


async def test_a_version_is_published_once(house: House, athena: AthenaServer) -> None:
    await asyncio.gather(*(ask(house) for _ in range(4)))
    before = {file.path: file.modified for file in house.lake.list("_analytics/tables")}
    await ask(house)
    assert len(before) == 1
    assert {file.path: file.modified for file in house.lake.list("_analytics/tables")} == before


async def test_a_table_that_somebody_dropped_is_published_again(house: House, athena: AthenaServer) -> None:
    assert await ask(house) == [{"claims": 2}]
    house.lake.delete_below("_analytics/tables")
    for table in all_tables(house):
        glue().delete_table(DatabaseName=house.settings.athena_database, Name=table["Name"])
    assert await ask(house, COUNT.replace("claims", "counted")) == [{"counted": 2}]


async def test_the_columns_are_those_of_the_typed_files(house: House) -> None:
    kinds = {"string": "string", "bool": "boolean", "double": "double", "timestamp[us]": "timestamp"}
    for dataset in (*INSURANCE, TRANSACTIONS):
        house.lake.put_bytes(b"id\n1\n", f"{dataset.folder}some.csv")
        (source,) = (await house.sources(dataset)).values()
        schema = parquet.read_schema(source.files[0])
        assert {field.name: kinds[str(field.type)] for field in schema} == typed_columns(dataset), dataset.name


async def test_old_versions_go_when_nobody_can_be_reading_them(house: House) -> None:
    settings = house.settings
    aws = AwsCalls(settings, threads=2, athena_url="http://127.0.0.1:9", glue_url=s3.endpoint())
    now = {"is": datetime.now(UTC)}
    tables = AthenaTables(
        aws,
        partial(tenant_lake, settings),
        settings.athena_database,
        settings.analytics_cache_folder,
        versions_kept=2,
        clock=lambda: now["is"],
    )

    async def publish(number: int) -> str:
        house.lake.put_bytes(f"estado\n{number}\n".encode(), CLAIMS_FILE)
        (source,) = (await house.sources(CLAIMS)).values()
        await tables.place(str(house.tenant_id), source)
        return source.version

    def versions() -> set[str]:
        return {file.path.split("/")[3] for file in house.lake.list("_analytics/tables")}

    house.lake.put_bytes(b"1", "_analytics/results/old.csv")
    published = [await publish(number) for number in range(4)]
    assert versions() == set(published)
    now["is"] += timedelta(hours=2)
    published.append(await publish(4))
    assert published[4] in versions()
    assert len(versions()) == len(all_tables(house)) == 2
    assert house.lake.list("_analytics/results") == []
    # The oldest comes back, as when a file is put back: it is the current one now.
    assert await publish(0) in versions()
    await aws.close()


async def test_a_clean_up_that_fails_costs_nobody_an_answer(house: House) -> None:
    class Kept:
        """A lake of which nothing may be deleted."""

        def __init__(self, lake: Lake) -> None:
            self._lake = lake

        def __getattr__(self, name: str) -> Any:
            return getattr(self._lake, name)

        def delete(self, path: str) -> None:
            raise Unavailable("LAKE_UNAVAILABLE", "Not now.")

    house.lake.put_bytes(b"1", "_analytics/results/old.csv")
    house.lake.put_bytes(CLAIMS_CSV, CLAIMS_FILE)
    (source,) = (await house.sources(CLAIMS)).values()
    aws = AwsCalls(house.settings, threads=2, glue_url=s3.endpoint())
    kept: Any = Kept(house.lake)
    later = datetime.now(UTC) + timedelta(hours=2)
    database, folder = house.settings.athena_database, house.settings.analytics_cache_folder
    tables = AthenaTables(aws, lambda _: kept, database, folder, versions_kept=1, clock=lambda: later)
    assert "reclamos" in await tables.place(str(house.tenant_id), source)
    assert len(all_tables(house)) == 1
    await aws.close()


async def test_all_of_a_tenant_is_erased_and_nothing_of_another(house: House) -> None:
    other = house.of(uuid4())
    await ask(house)
    await ask(other)
    assert await house.engines.erase(house.tenant_id) == 3
    assert [file.path for file in house.lake.list("")] == [CLAIMS_FILE]
    assert (len(all_tables(house)), len(all_tables(other)), len(other.lake.list("_analytics"))) == (0, 1, 2)
    assert await house.engines.erase(uuid4()) == 0


async def test_a_query_that_takes_too_long_is_stopped(tmp_path: Path, athena: AthenaServer) -> None:
    async with opened(tmp_path, athena, analytics_query_timeout_seconds=0.5) as house:
        error = await refused(house, "SELECT count(*) AS never_ends FROM reclamos")
        await asyncio.to_thread(athena.wait_for_stop)
    assert (type(error), error.reason) == (DeadlineExceeded, "QUERY_TIMEOUT")
    assert athena.stopped == [athena.runs[0].id]


async def test_a_query_whose_caller_leaves_is_stopped(house: House, athena: AthenaServer) -> None:
    asking = asyncio.create_task(ask(house, "SELECT count(*) AS never_ends FROM reclamos"))
    await asyncio.to_thread(athena.wait_for_run)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.to_thread(athena.wait_for_stop)
    assert athena.stopped == [athena.runs[0].id]


async def test_throttling_is_waited_out_and_starts_no_second_query(house: House, athena: AthenaServer) -> None:
    athena.throttled = 3
    assert await ask(house) == [{"claims": 2}]
    assert (athena.throttled, len(athena.runs)) == (0, 1)


async def test_endless_throttling_is_an_engine_that_is_away(house: House, athena: AthenaServer) -> None:
    athena.throttled = 1000
    error = await refused(house)
    assert (error.http_status, error.reason, error.retry_after) == (503, "LAKE_UNAVAILABLE", 5)
    assert 1000 - athena.throttled == 6


async def test_a_refusal_is_not_repeated_and_tells_no_names(house: House, athena: AthenaServer) -> None:
    athena.refused = 5
    error = await refused(house)
    assert (error.http_status, error.reason, athena.refused) == (503, "LAKE_UNAVAILABLE", 4)
    assert "arn" not in str(error) and "secret" not in str(error)


async def test_an_engine_that_cannot_be_reached_is_said_to_be_away(tmp_path: Path, athena: AthenaServer) -> None:
    away = athena_settings(tmp_path, athena, analytics_athena_endpoint_url="http://127.0.0.1:9")
    async with building(away) as house:
        assert (await refused(house)).reason == "LAKE_UNAVAILABLE"


@pytest.mark.parametrize(
    ("reason", "http_status", "code"),
    [
        ("Query exhausted resources at this scale factor", 503, "QUERY_TOO_LARGE"),
        ("Query timeout", 504, "QUERY_TIMEOUT"),
        ("PERMISSION_DENIED: Access Denied (Service: Amazon S3; key AKIA123)", 503, "LAKE_UNAVAILABLE"),
        ("TABLE_NOT_FOUND: Table 'AKIA123' does not exist", 503, "LAKE_UNAVAILABLE"),
    ],
)
async def test_what_the_engine_says_becomes_an_error_of_ours(
    house: House, athena: AthenaServer, reason: str, http_status: int, code: str
) -> None:
    athena.fails_with = reason
    error = await refused(house)
    assert (error.http_status, error.reason) == (http_status, code)
    assert "AKIA" not in str(error)


async def test_a_query_that_cannot_run_fails_with_the_engines_words(house: House, athena: AthenaServer) -> None:
    athena.fails_with = "SYNTAX_ERROR: line 1"
    with pytest.raises(QueryFailed, match="line 1"):
        await ask(house)


async def test_a_place_for_results_that_may_not_be_written_is_no_fault_of_the_query(
    house: House, athena: AthenaServer
) -> None:
    athena.starts_not = "Unable to verify/create output bucket secret-bucket"
    error = await refused(house)
    assert (error.http_status, error.reason) == (503, "LAKE_UNAVAILABLE")
    assert "secret" not in str(error)
    athena.starts_not = "line 1:8: mismatched input"
    with pytest.raises(QueryFailed):
        await ask(house)


async def test_the_limit_of_bytes_is_set_on_the_workgroup_and_kept(tmp_path: Path, athena: AthenaServer) -> None:
    async with opened(tmp_path, athena, analytics_athena_bytes_limit=10_000_000) as house:
        await ask(house)
        assert athena.workgroup["BytesScannedCutoffPerQuery"] == 10_000_000
        # What the operator allows may be less, and then a query ends at that.
        athena.workgroup["BytesScannedCutoffPerQuery"] = 10
        error = await refused(house, "SELECT max(monto) AS largest FROM reclamos")
    assert (type(error), error.reason) == (Unavailable, "QUERY_TOO_LARGE")


async def test_a_workgroups_own_lower_limit_stays(tmp_path: Path, athena: AthenaServer) -> None:
    athena.workgroup["BytesScannedCutoffPerQuery"] = 11_000_000
    async with opened(tmp_path, athena, analytics_athena_bytes_limit=12_000_000) as house:
        await ask(house)
    assert athena.workgroup["BytesScannedCutoffPerQuery"] == 11_000_000


async def test_a_workgroup_that_will_not_do_is_named(tmp_path: Path, athena: AthenaServer) -> None:
    async with opened(tmp_path, athena, athena_workgroup="nowhere") as house:
        assert "no workgroup nowhere" in (await refused(house)).message
    athena.workgroup_state = "DISABLED"
    async with opened(tmp_path, athena) as house:
        assert "switched off" in (await refused(house)).message
        # Once the operator has put it right, nothing has to be restarted.
        athena.workgroup_state = "ENABLED"
        assert await ask(house) == [{"claims": 2}]
    athena.workgroup["EnforceWorkGroupConfiguration"] = True
    async with opened(tmp_path, athena) as house:
        assert "one place for the results of all" in (await refused(house)).message


async def test_cost_and_bytes_stand_in_the_reply_and_what_is_reused_is_free(house: House, athena: AthenaServer) -> None:
    request = read_request("/a/B", ())
    current_request.set(request)
    await ask(house)
    scanned = int(request.headers["x-query-bytes-scanned"])
    assert 0 < scanned < 100_000
    assert request.headers["x-query-cost-usd"] == "0.000047684"
    assert request.headers["x-query-engine-ms"] == "7"
    await ask(house)
    assert (len(athena.runs), athena.runs[1].reused) == (2, True)
    assert int(request.headers["x-query-bytes-scanned"]) == scanned
    await ask(house, as_of=MOMENT + timedelta(1))
    assert int(request.headers["x-query-bytes-scanned"]) == 2 * scanned


def test_a_price_counts_whole_megabytes_and_ten_at_least() -> None:
    megabyte = 1024**2
    assert price(0, 5) == 0
    assert price(1, 5) == price(10 * megabyte, 5) == 5 * 10 / megabyte
    assert price(10 * megabyte + 1, 5) == 5 * 11 / megabyte
    assert price(1024**4, 5) == 5


def test_athena_is_set_by_the_documents_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("QUERY_ENGINE", "ATHENA_DATABASE", "ATHENA_WORKGROUP", "ATHENA_OUTPUT_LOCATION")
    for name, value in zip(names, ("athena", "seguros", "reports", "s3://results/"), strict=True):
        monkeypatch.setenv(name, value)

    settings = Settings(atalaya_lake="s3://lake")

    assert [getattr(settings, name.lower()) for name in names] == ["athena", "seguros", "reports", "s3://results/"]


def test_athena_needs_a_lake_on_s3() -> None:
    with pytest.raises(ValidationError, match="ATALAYA_LAKE"):
        Settings(query_engine="athena", atalaya_lake="file:///somewhere")
    with pytest.raises(ValidationError, match="10,000,000"):
        Settings(analytics_athena_bytes_limit=5)


def all_tables(house: House) -> list[dict[str, Any]]:
    """The tenant's tables in Glue."""
    database = house.settings.athena_database
    tables = glue().get_tables(DatabaseName=database)["TableList"]
    return [table for table in tables if house.tenant_id.hex in table["Name"]]


def test_no_dataset_is_called_as_the_own_folder() -> None:
    assert all(not dataset.folder.startswith(athena_tables.OWN_FOLDER) for dataset in (*INSURANCE, TRANSACTIONS))


async def test_results_that_break_off_again_and_again_are_a_lake_that_is_away(
    tmp_path: Path, athena: AthenaServer
) -> None:
    def break_off(head: bytes, body: bytes) -> tuple[bytes, bytes]:
        return head, body[: len(body) // 2]

    with FaultyLink(s3.endpoint(), seed=1) as link:
        async with opened(tmp_path, athena, aws_endpoint_url=link.url) as house:
            house.lake.put_bytes(CLAIMS_CSV, CLAIMS_FILE)
            query = Query(str(house.tenant_id), COUNT, await house.sources(CLAIMS), {"as_of": MOMENT})
            link.behaviour = Behaviour(change=break_off, changed_for="/results/")
            with pytest.raises(Unavailable, match="LAKE_UNAVAILABLE"):
                await house.engines.reports.write(query, tmp_path / "claims.parquet")
            assert link.behaviour.faults


async def test_a_disk_that_takes_no_result_is_said_to_have_no_room(tmp_path: Path, athena: AthenaServer) -> None:
    async with opened(tmp_path, athena) as house:
        house.lake.put_bytes(CLAIMS_CSV, CLAIMS_FILE)
        query = Query(str(house.tenant_id), COUNT, await house.sources(CLAIMS), {"as_of": MOMENT})
        await house.engines.reports.rows(query)
        shutil.rmtree(house.settings.analytics_cache_folder)
        with pytest.raises(Unavailable, match="CACHE_UNAVAILABLE"):
            await house.engines.reports.write(query, tmp_path / "claims.parquet")
