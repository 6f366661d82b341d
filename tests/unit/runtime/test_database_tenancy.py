"""Each session sees one tenant, whatever came before it on the same connection."""

import asyncio
from uuid import UUID, uuid4

import psutil
import psycopg
import pytest
from local_suite.postgres import EmbeddedPostgres
from service_runtime.config import RuntimeSettings
from service_runtime.database import Database, driver_of
from service_runtime.errors import Unavailable
from service_runtime.migrations import run_migrations
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from support.postgres import ServiceDatabase

INSERT = text("INSERT INTO notes (tenant_id, body) VALUES (:tenant_id, :body)")
BODIES = text("SELECT body FROM notes ORDER BY id")


async def write(database: Database, tenant_id: UUID, body: str) -> None:
    async with database.tenant_session(tenant_id) as session:
        await session.execute(INSERT, {"tenant_id": tenant_id, "body": body})


async def bodies(database: Database, tenant_id: UUID) -> list[str]:
    async with database.tenant_session(tenant_id) as session:
        return list((await session.execute(BODIES)).scalars())


def test_a_database_that_is_not_set_is_asked_for_by_its_setting() -> None:
    with pytest.raises(SystemExit, match="DATABASE_URL must be set"):
        Database("")


async def test_a_tenant_sees_only_its_own_rows(database: Database, tenant_id: UUID) -> None:
    await write(database, tenant_id, "mine")
    await write(database, uuid4(), "theirs")
    assert await bodies(database, tenant_id) == ["mine"]


async def test_a_row_for_another_tenant_cannot_be_written(database: Database, tenant_id: UUID) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with database.tenant_session(tenant_id) as session:
            await session.execute(INSERT, {"tenant_id": uuid4(), "body": "theirs"})


async def test_a_session_without_tenant_sees_no_row_even_after_one_with(
    sample: ServiceDatabase, tenant_id: UUID
) -> None:
    database = Database(sample.url, pool_size=1)
    await write(database, tenant_id, "mine")
    async with database.system_session() as session:
        assert (await session.execute(BODIES)).all() == []
    await database.close()


async def test_an_error_rolls_everything_back(database: Database, tenant_id: UUID) -> None:
    with pytest.raises(KeyError):
        async with database.tenant_session(tenant_id) as session:
            await session.execute(INSERT, {"tenant_id": tenant_id, "body": "lost"})
            raise KeyError("later")
    assert await bodies(database, tenant_id) == []


def test_the_owner_is_bound_too_and_the_services_role_owns_nothing(sample: ServiceDatabase) -> None:
    with psycopg.connect(sample.migration_url) as owner:
        assert owner.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    with psycopg.connect(sample.url) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("ALTER TABLE notes DISABLE ROW LEVEL SECURITY")


def test_migrating_again_changes_nothing(sample: ServiceDatabase) -> None:
    settings = RuntimeSettings(database_url=sample.url, migration_database_url=sample.migration_url)
    run_migrations("support.sample_service", settings)
    with psycopg.connect(sample.migration_url) as owner:
        assert owner.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]


async def test_copy_by_way_of_a_temporary_table_runs_inside_the_session(database: Database, tenant_id: UUID) -> None:
    async with database.tenant_session(tenant_id) as session:
        await session.execute(text("CREATE TEMP TABLE arrived (tenant_id uuid, body text) ON COMMIT DROP"))
        driver = driver_of(session)
        async with driver.cursor() as cursor, cursor.copy("COPY arrived FROM STDIN") as copy:
            await copy.write_row((tenant_id, "copied"))
        await session.execute(text("INSERT INTO notes (tenant_id, body) SELECT tenant_id, body FROM arrived"))
    assert await bodies(database, tenant_id) == ["copied"]


async def test_a_missing_database_is_unavailable_and_tells_no_address() -> None:
    database = Database("postgresql://nobody:hidden@/nothing?host=/nowhere")
    with pytest.raises(Unavailable) as caught:
        await database.ping()
    assert caught.value.reason == "DATABASE_UNAVAILABLE"
    assert "nowhere" not in caught.value.message
    await database.close()


async def test_connections_that_died_while_idle_are_replaced_unseen(
    postgres: EmbeddedPostgres, sample: ServiceDatabase
) -> None:
    database = Database(sample.url, pool_size=2)
    async with database.system_session() as one, database.system_session() as other:
        processes = [(await each.execute(text("SELECT pg_backend_pid()"))).scalar_one() for each in (one, other)]
    with postgres.connect() as admin:
        for process in processes:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    async with database.system_session() as one, database.system_session() as other:
        now = [(await each.execute(text("SELECT pg_backend_pid()"))).scalar_one() for each in (one, other)]
    assert not set(now) & set(processes)
    await database.close()


async def test_a_lost_connection_is_unavailable_and_the_next_call_works(
    postgres: EmbeddedPostgres, sample: ServiceDatabase
) -> None:
    database = Database(sample.url, pool_size=1)
    with pytest.raises(Unavailable):
        async with database.system_session() as session:
            process = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            with postgres.connect() as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", [process])
            await session.execute(BODIES)
    await database.ping()
    await database.close()


async def test_a_transaction_that_outlives_the_pool_closes_its_connection(sample: ServiceDatabase) -> None:
    database, tenant_id = Database(sample.url), uuid4()
    async with database.tenant_session(tenant_id) as session:
        driver = driver_of(session)
        await database.close()
        await session.execute(INSERT, {"tenant_id": tenant_id, "body": "late"})
    assert driver.closed
    other = Database(sample.url)
    assert await bodies(other, tenant_id) == ["late"]
    await other.close()


async def test_a_transaction_that_is_given_up_as_it_begins_closes_its_connection_where_the_pool_is_gone(
    sample: ServiceDatabase,
) -> None:
    database = Database(sample.url, pool_size=1)
    async with database.system_session() as session:
        driver = driver_of(session)
    server_process = psutil.Process(driver.info.backend_pid)
    server_process.suspend()
    begins = asyncio.create_task(database.ping())
    async with asyncio.timeout(60):
        while driver.info.transaction_status != psycopg.pq.TransactionStatus.ACTIVE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await database.close()
    begins.cancel()
    server_process.resume()
    await asyncio.wait([begins], timeout=60)
    assert begins.cancelled()
    assert driver.closed
