# ruff: noqa: ASYNC110, E501, S104, S608
"""Sources are added, changed, hidden and kept: what callers may say of them, and where they may lead."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from atalaya.ingest.v1 import sources_pb2
from atalaya.jobs.v1 import job_pb2
from hypothesis import given
from hypothesis import strategies as st
from ingest_service.__main__ import rotate_source_keys
from ingest_service.config import Settings
from ingest_service.sources.address import parse_url
from ingest_service.sources.allow_list import AllowList
from ingest_service.sources.schedule import next_run
from ingest_service.sources.scheduler import Scheduler
from ingest_service.sources.sealing import KeyRing
from ingest_service.sources.source_store import SourceStore
from ingest_service.sources.sources import login_of
from pydantic import ValidationError
from service_runtime.errors import InvalidArgument, ServiceError
from service_runtime.jobs import AuditOutbox, JobQueue
from sqlalchemy import text
from support.running import refusal
from support.sources_running import SourcesSuite, SourceTenant, new_key, serving_sources, working
from support.tokens import TestIssuer

WAITING = text(
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    "WHERE NOT l.granted AND d.datname = current_database()"
)
URL = "mysql://rosa:s3cret-word@10.1.2.3:3306/shop"
# Spellings of 127.0.0.1, of what clouds keep credentials at, and of nothing that is a host.
TRICKS = (
    "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0",
    "[::]", "169.254.169.254", "[fd00:ec2::254]", "localhost", "localhost.", "LOCALHOST", "127.0.0.1%00.example.com",
    "10.1.2.3@127.0.0.1", "10.1.2.3:3306@127.0.0.1", "10.1.2.3#@127.0.0.1", "10.1.2.3\\@127.0.0.1", "[10.1.2.3]",
    "127。0。0。1", "①②⑦.0.0.1", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[fe80::1%25lo]", "metadata.google.internal",
    "10.1.2.3,127.0.0.1", "", " 127.0.0.1", "127.0.0.1/..", "[127.0.0.1]", "unix", "%2Fvar%2Frun",
)  # fmt: skip


@pytest.fixture(scope="module")
async def suite(issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SourcesSuite]:
    """Without a worker: nothing here runs."""
    folder = tmp_path_factory.mktemp("sources")
    allowed = "10.1.0.0/16:3306, 10.1.2.3:9042, db.example.com:*"
    async with serving_sources(issuer, folder, allowed, workers=False, sources_per_tenant=3) as suite:
        yield suite


@pytest.fixture
def tenant(suite: SourcesSuite) -> SourceTenant:
    return SourceTenant(suite)


class Canary:
    """A listener on loopback that must never hear anything."""

    def __init__(self) -> None:
        self.heard = 0
        self.port = 0

    async def __aenter__(self) -> "Canary":
        self._server = await asyncio.start_server(self._hear, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _hear(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard += 1
        writer.close()


async def test_a_source_is_shown_without_its_credentials(tenant: SourceTenant) -> None:
    made = await tenant.create(URL, [{"name": "sales.users", "cursor": "changed"}, "clients"], schedule="0 3 * * *")

    assert made.address == "mysql://10.1.2.3:3306/shop"
    assert (list(made.tables), made.format, made.schedule, made.is_active) == (
        ["sales.users", "clients"], "csv", "0 3 * * *", True,
    )  # fmt: skip
    assert [state.dataset for state in made.table_states] == ["mysql/users", "mysql/clients"]
    assert [made] == await tenant.listed()
    assert "rosa" not in str(made) and "s3cret" not in str(made)


async def test_a_source_is_added_with_the_status_of_the_table_of_routes(tenant: SourceTenant) -> None:
    over_rest = (("x-envoy-original-path", "/api/v1/sources"), ("x-envoy-original-method", "POST"))
    table = sources_pb2.SourceTable(name="users")
    request = sources_pb2.CreateSourceRequest(name="shop", kind="mysql", url=URL, tables=[table])

    call = tenant.sources.CreateSource(request, metadata=(*tenant.bearer("admin"), *over_rest))

    # Without it the gateway answers 200.
    assert "x-http-status" not in dict(await call.initial_metadata())
    assert (await call).name == "shop"


async def test_credentials_are_nowhere_in_the_clear(
    tenant: SourceTenant, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    await tenant.create(URL, ["users"])
    await tenant.change(url=URL.replace("s3cret-word", "second-word"))

    rows = str(tenant.query("SELECT * FROM sources WHERE tenant_id = {tenant}"))
    events = str(tenant.query("SELECT args FROM procrastinate_jobs WHERE args->>'tenant_id' = {tenant}::text"))
    said = rows + events + caplog.text + "".join(capfd.readouterr())
    assert "10.1.2.3" in rows and "create_source" in events and "update_source" in events
    assert not [word for word in ("rosa", "s3cret-word", "second-word") if word in said]


async def test_sources_are_changed_and_removed(tenant: SourceTenant) -> None:
    await tenant.create(URL, ["users"])

    changed = await tenant.change(tables=[sources_pb2.SourceTable(name="agents")], is_active=False, format="parquet")
    assert (list(changed.tables), changed.is_active, changed.format) == (["agents"], False, "parquet")
    assert changed.address == "mysql://10.1.2.3:3306/shop"
    assert (await refusal(tenant.begin())).reason == "SOURCE_INACTIVE"
    await tenant.sources.DeleteSource(sources_pb2.DeleteSourceRequest(name="shop"), metadata=tenant.bearer("admin"))

    assert await tenant.listed() == []
    assert (await refusal(tenant.change(format="csv"))).reason == "SOURCE_NOT_FOUND"
    assert (await refusal(tenant.begin())).reason == "SOURCE_NOT_FOUND"


async def test_a_name_and_a_dataset_are_one_sources(tenant: SourceTenant) -> None:
    await tenant.create(URL, ["users"])

    assert (await refusal(tenant.create(URL, ["agents"]))).reason == "SOURCE_EXISTS"
    assert (await refusal(tenant.create(URL, ["old.users"], name="two"))).reason == "SOURCE_DATASET_TAKEN"
    assert (await refusal(tenant.create(URL, ["a.users", "b.users"], name="two"))).reason == "BAD_SOURCE_TABLE"
    assert (await refusal(tenant.create(URL, ["a.../x"], name="two"))).reason == "BAD_SOURCE_TABLE"


async def test_of_sources_that_take_a_dataset_at_once_one_gets_it(tenant: SourceTenant, suite: SourcesSuite) -> None:
    names = ["one", "two", "three"]
    for name in names:
        await tenant.create(URL, [name], name=name)
    wanted = [sources_pb2.SourceTable(name="users")]

    async with suite.database.tenant_session(tenant.tenant_id) as session:
        # Nobody can write meanwhile, so that all have looked before the first has.
        await session.execute(text("LOCK TABLE sources IN SHARE MODE"))
        changes = [asyncio.create_task(tenant.change(name, tables=wanted)) for name in names]
        while (await session.execute(WAITING)).scalar_one() < len(names):
            await asyncio.sleep(0)
    ended = await asyncio.gather(*changes, return_exceptions=True)

    assert sum(isinstance(each, sources_pb2.Source) for each in ended) == 1
    assert sum("users" in source.tables for source in await tenant.listed()) == 1


@pytest.mark.parametrize(
    "table", [{"name": "a\0b.users"}, {"name": "users", "cursor": "a\0b"}, {"name": "users", "key_columns": ["a\0b"]}]
)
async def test_a_nul_character_in_the_name_of_a_table_or_column_is_refused(
    tenant: SourceTenant, table: dict[str, str | list[str]]
) -> None:
    error = await refusal(tenant.create(URL, [table]))

    assert (error.reason, error.http_status) == ("BAD_SOURCE_TABLE", 400)


async def test_a_tenant_has_so_many_sources(tenant: SourceTenant) -> None:
    answers = await asyncio.gather(
        *(tenant.create(URL, [f"t{number}"], name=f"s{number}") for number in range(6)), return_exceptions=True
    )

    assert sum(isinstance(answer, sources_pb2.Source) for answer in answers) == 3
    assert (await refusal(tenant.create(URL, ["more"], name="more"))).reason == "QUOTA_EXCEEDED"


async def test_another_company_sees_nothing(tenant: SourceTenant, suite: SourcesSuite) -> None:
    await tenant.create(URL, ["users"])
    other = SourceTenant(suite)

    assert await other.listed() == []
    assert (await refusal(other.begin())).reason == "SOURCE_NOT_FOUND"


@pytest.mark.parametrize("host", TRICKS)
async def test_an_address_outside_the_list_is_refused_before_it_is_connected_to(
    tenant: SourceTenant, host: str
) -> None:
    async with Canary() as canary:
        open_port = await refusal(tenant.create(f"mysql://a:b@{host}:{canary.port}/shop", ["users"]))
        closed = await refusal(tenant.create(f"mysql://a:b@{host}:1/shop", ["users"]))

    assert open_port.reason in ("SOURCE_ADDRESS_FORBIDDEN", "BAD_SOURCE_URL")
    assert (open_port.reason, open_port.message) == (closed.reason, closed.message)
    assert canary.heard == 0


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://a:b@10.1.2.3:3306/shop", "mysql://10.1.2.3:3306/shop", "mysql://a:b@10.1.2.3:3306",
        "mysql://a:b@10.1.2.3:3306/shop?local_infile=1", "mysql://a:b@10.1.2.3:3306/shop?tls=maybe",
        "mysql://a:b@10.1.2.3:0/shop", "mysql://a:b@10.1.2.3:99999/shop", "mysql://a:b@10.1.2.3:3306/a/b",
        "mysql://a:%0Ab@10.1.2.3:3306/shop", "postgresql://a:b@10.1.2.3:3306/shop", "mysql://a:b:c@10.1.2.3/shop",
    ],
)  # fmt: skip
async def test_a_url_that_could_be_read_in_two_ways_is_refused(tenant: SourceTenant, url: str) -> None:
    error = await refusal(tenant.create(url, ["users"], kind="mysql"))

    assert error.reason == "BAD_SOURCE_URL"
    assert "a:b" not in error.message


async def test_a_name_is_judged_by_where_it_leads() -> None:
    led: dict[str, Sequence[str]] = {
        "db.example.com": ["10.9.9.9"], "inside.example.com": ["10.1.2.3"], "both.example.com": ["10.1.2.3", "8.8.8.8"],
        "gone.example.com": [],
    }  # fmt: skip
    allowed = AllowList("10.1.0.0/16:3306 db.example.com:5432", led.__getitem__)

    async def judged(host: str, port: int) -> str:
        try:
            return await allowed.check(host, port)
        except InvalidArgument as error:
            return error.reason

    assert await judged("db.example.com", 5432) == "10.9.9.9"
    assert await judged("inside.example.com", 3306) == "10.1.2.3"
    forbidden = "SOURCE_ADDRESS_FORBIDDEN"
    for host, port in (("db.example.com", 3306), ("both.example.com", 3306), ("gone.example.com", 3306)):
        assert await judged(host, port) == forbidden
    # The operator means a database by a name: its DNS does not make this machine or a cloud's keys of it.
    for ip in ("127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0", "fd00:ec2::254"):
        led["db.example.com"] = [ip]
        assert await judged("db.example.com", 5432) == forbidden


async def test_a_run_is_refused_where_the_address_is_forbidden_by_then(
    suite: SourcesSuite, tenant: SourceTenant
) -> None:
    async with Canary() as canary:
        await tenant.create(URL, ["users"])
        # As when a name leads elsewhere since: the row says where it is, the list has changed.
        tenant.query(
            f"UPDATE sources SET host = '127.0.0.1', port = {canary.port} WHERE tenant_id = {{tenant}} RETURNING 1"
        )
        async with working(suite.settings):
            job = await tenant.ended(await tenant.begin())
        assert (job.status, job.code) == (job_pb2.JobStatus.FAILED, "SOURCE_ADDRESS_FORBIDDEN")
        assert canary.heard == 0

        # The control: where the list has it, the same run gets as far as the canary.
        allowed = suite.settings.model_copy(update={"sources_allowed": f"127.0.0.1:{canary.port}"})
        async with working(allowed):
            job_id = await tenant.begin()
            while not canary.heard:
                await asyncio.sleep(0.05)
            with suppress(ServiceError):
                await tenant.queue.cancel(tenant.tenant_id, job_id)
            await tenant.ended(job_id)


async def test_keys_are_changed_without_a_pause(suite: SourcesSuite, tenant: SourceTenant) -> None:
    await tenant.create(URL, ["users"])
    first, second = suite.settings.sources_encryption_keys, new_key()
    rotated = suite.settings.model_copy(update={"sources_encryption_keys": f"{second},{first}"})

    await rotate_source_keys(rotated)

    async with suite.database.tenant_session(tenant.tenant_id) as session:
        source = await SourceStore().by_name(session, "shop")
    assert source is not None
    assert login_of(KeyRing(second), tenant.tenant_id, source).password == "s3cret-word"
    for keys, owner in ((KeyRing(first), tenant.tenant_id), (KeyRing(second), uuid4())):
        with pytest.raises(ServiceError, match="SOURCE_KEY_MISSING"):
            login_of(keys, owner, source)


def test_production_needs_a_key_where_sources_may_be() -> None:
    with pytest.raises(ValidationError, match="production needs a key"):
        Settings(environment="production", sources_allowed="10.0.0.0/8:*")
    with pytest.raises(ValidationError, match="32 bytes"):
        Settings(sources_encryption_keys="c2hvcnQ=")
    with pytest.raises(ValidationError, match="no host:port"):
        Settings(sources_allowed="10.0.0.1")
    assert Settings(environment="production").sources_allowed == ""
    assert "a-key" not in repr(Settings(sources_encryption_keys=new_key()))


@given(st.text(min_size=1, max_size=30))
def test_a_sealed_secret_opens_only_in_its_place(secret: str) -> None:
    keys, tenant_id, source_id = KeyRing(new_key()), uuid4(), uuid4()
    sealed = keys.seal(tenant_id, source_id, secret)

    assert keys.open(tenant_id, source_id, sealed) == secret
    assert secret.encode() not in sealed.secret or len(secret) < 4
    for tenant, source in ((uuid4(), source_id), (tenant_id, uuid4())):
        with pytest.raises(ServiceError):
            keys.open(tenant, source, sealed)


@given(user=st.text("aB1%@:/é ", min_size=1, max_size=8), password=st.text("aB1%@:/é #?", max_size=8))
def test_every_login_goes_through_a_url(user: str, password: str) -> None:
    from urllib.parse import quote

    address, login = parse_url("mysql", f"mysql://{quote(user, safe='')}:{quote(password, safe='')}@h/d")

    assert (login.user, login.password, str(address)) == (user, password, "mysql://h:3306/d")
    assert repr(login) == "Login(...)"


def test_a_schedule_follows_the_companys_clock() -> None:
    after = datetime(2026, 3, 7, 12, tzinfo=UTC)

    # Three in Lima is eight in UTC; in New York the clocks skip half past two on the eighth.
    assert next_run("0 3 * * *", "America/Lima", after) == datetime(2026, 3, 8, 8, tzinfo=UTC)
    assert next_run("30 2 * * *", "America/New_York", after) == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert next_run("", "UTC", after) is None
    for bad in ("* * * *", "0 0 0 * * *", "61 * * * *", "@daily", "0 3 31 2 *"):
        with pytest.raises(InvalidArgument, match="BAD_SCHEDULE"):
            next_run(bad, "UTC", after)


async def test_a_due_source_is_queued_once_by_whichever_worker(suite: SourcesSuite, tenant: SourceTenant) -> None:
    await tenant.create(URL, ["users"], schedule="*/10 * * * *")
    await tenant.create(URL, ["agents"], name="idle", schedule="*/10 * * * *")
    await tenant.change("idle", is_active=False)
    moment = datetime.now(UTC) + timedelta(minutes=11)
    queue = JobQueue(suite.database, "ingest", AuditOutbox("ingest"))
    schedulers = [Scheduler(suite.database, SourceStore(), queue, lambda: moment) for _ in range(4)]

    await asyncio.gather(*(scheduler.look() for scheduler in schedulers))
    await asyncio.gather(*(scheduler.look() for scheduler in schedulers))

    jobs = await queue.list(tenant.tenant_id, kind="source_run", limit=10)
    assert [(job.requested_by, job.status) for job in jobs] == [("schedule", "QUEUED")]
    assert (await refusal(tenant.begin())).reason == "SOURCE_RUNS"
    assert json.loads(json.dumps(jobs[0].payload))["full"] is False


async def test_a_run_that_is_due_is_not_lost_by_a_change_of_something_else(
    suite: SourcesSuite, tenant: SourceTenant
) -> None:
    await tenant.create(URL, ["users"], schedule="0 3 * * *")
    tenant.query("UPDATE sources SET next_run_at = now() - interval '1 hour' WHERE tenant_id = {tenant} RETURNING name")
    await tenant.change(format="parquet")
    queue = JobQueue(suite.database, "ingest", AuditOutbox("ingest"))

    await Scheduler(suite.database, SourceStore(), queue).look()

    assert len(await queue.list(tenant.tenant_id, kind="source_run", limit=10)) == 1


async def test_a_run_that_is_tried_again_does_not_go_beside_another(suite: SourcesSuite, tenant: SourceTenant) -> None:
    await tenant.create(URL, ["users"])
    first = await tenant.begin()
    await tenant.queue.cancel(tenant.tenant_id, first)
    second = await tenant.begin()
    await tenant.queue.retry(tenant.tenant_id, first)

    # Nothing answers there, so the second run waits for its next attempt when the first begins.
    async with Canary() as gone:
        port = gone.port
    where = f"SET host = '127.0.0.1', port = {port} WHERE tenant_id = {{tenant}}"
    tenant.query(f"UPDATE sources {where} RETURNING name")
    async with working(suite.settings.model_copy(update={"sources_allowed": f"127.0.0.1:{port}"})):
        job = await tenant.ended(first)
        await tenant.queue.cancel(tenant.tenant_id, second)

    assert (job.status, job.code) == (job_pb2.JobStatus.FAILED, "SOURCE_RUNS")
