"""Row-level security in ingest's database, asked by SQL as the service's own role; each proof with its control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from ingest_service.new_id import new_id
from psycopg import sql
from psycopg.rows import dict_row
from support.ingest_exports import export
from support.ingest_running import IngestSuite, Tenant

Connection = psycopg.Connection[dict[str, Any]]
TABLES = [
    "account_access",
    "accounts",
    "comments",
    "counters",
    "datasets",
    "exports",
    "imports",
    "jobs",
    "lake_copies",
    "lake_partitions",
    "metrics",
    "posts",
    "rejected_rows",
]


@pytest.fixture(scope="module")
async def one(ingest: IngestSuite) -> Tenant:
    return await filled(Tenant(ingest))


@pytest.fixture(scope="module")
async def other(ingest: IngestSuite) -> Tenant:
    """A company with one account more, so that it has a number which the first has not."""
    tenant = await filled(Tenant(ingest))
    await tenant.add_account("more")
    return tenant


async def filled(tenant: Tenant) -> Tenant:
    """Puts rows into every table."""
    await tenant.add_account()
    await tenant.set_access("banco", ["viewer"])
    posts = await tenant.run("fecha,texto,id\n2024-01-05,a,1\nnever,b,2\n", kind="posts", account="banco")
    assert (posts.rows_written, posts.rows_rejected) == (1, 1)
    await tenant.run("fecha,followers\n2024-01-05,10\n", kind="metrics", account="banco")
    await tenant.run("post_id,text,created_at\np,a,2024-01-05\n", kind="comments", account="banco")
    await tenant.run("a,b\n1,2\n", kind="dataset", dataset="mysql/users")
    await export(tenant, kind="posts", format="csv")
    return tenant


@pytest.fixture(params=["app", "owner"])
def anyone(request: pytest.FixtureRequest, ingest: IngestSuite) -> Iterator[Connection]:
    """A connection of the service's role, and one of the role that owns the tables."""
    database = ingest.service_database
    url = database.url if request.param == "app" else database.migration_url
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def as_app(ingest: IngestSuite) -> Iterator[Connection]:
    """A connection with the service's own role."""
    with psycopg.connect(ingest.service_database.url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def enter(connection: Connection, tenant: Tenant | str) -> None:
    name = str(tenant.tenant_id) if isinstance(tenant, Tenant) else tenant
    connection.execute("SELECT set_config('app.tenant_id', %s, true)", [name])


def refused() -> pytest.RaisesExc[psycopg.errors.InsufficientPrivilege]:
    return pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security")


def tenants_in(connection: Connection, table: str) -> list[UUID]:
    statement = sql.SQL("SELECT DISTINCT tenant_id FROM {}").format(sql.Identifier(table))
    return [row["tenant_id"] for row in connection.execute(statement)]


def test_the_list_of_tables_is_complete(one: Tenant) -> None:
    tables = one.query(
        "SELECT DISTINCT table_name FROM information_schema.columns JOIN information_schema.tables "
        "USING (table_schema, table_name) WHERE column_name = 'tenant_id' AND table_schema = 'public' "
        "AND table_type = 'BASE TABLE'"
    )
    assert {row["table_name"] for row in tables} >= set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_sees_its_own_rows_alone(one: Tenant, other: Tenant, anyone: Connection, table: str) -> None:
    for tenant in (one, other):
        with anyone.transaction():
            enter(anyone, tenant)
            assert tenants_in(anyone, table) == [tenant.tenant_id]
    seen = {row["tenant_id"] for row in one.query(f"SELECT tenant_id FROM {table}")}  # noqa: S608
    assert seen >= {one.tenant_id, other.tenant_id}


@pytest.mark.parametrize("table", TABLES)
def test_without_a_tenant_or_with_one_that_is_none_nothing_is_seen(one: Tenant, anyone: Connection, table: str) -> None:
    assert tenants_in(anyone, table) == []
    with anyone.transaction():
        enter(anyone, one)
        assert tenants_in(anyone, table) == [one.tenant_id]
    # After the transaction the setting is empty, not absent.
    assert tenants_in(anyone, table) == []
    for nobody in ("", str(uuid4())):
        with anyone.transaction():
            enter(anyone, nobody)
            assert tenants_in(anyone, table) == []
    for malformed in ("all", f"{one.tenant_id}' OR true --", "*", "\u0661"):
        with pytest.raises(psycopg.errors.InvalidTextRepresentation), anyone.transaction():
            enter(anyone, malformed)
            tenants_in(anyone, table)


@pytest.mark.parametrize("table", TABLES)
def test_no_row_can_be_moved_to_another_tenant_or_changed_there(
    one: Tenant, other: Tenant, as_app: Connection, table: str
) -> None:
    name = sql.Identifier(table)
    with refused(), as_app.transaction():
        enter(as_app, one)
        as_app.execute(sql.SQL("UPDATE {} SET tenant_id = %s").format(name), [other.tenant_id])
    for statement in (
        "UPDATE {} SET tenant_id = tenant_id WHERE tenant_id = %s",
        "DELETE FROM {} WHERE tenant_id = %s",
    ):
        with as_app.transaction(force_rollback=True):
            enter(as_app, one)
            assert as_app.execute(sql.SQL(statement).format(name), [other.tenant_id]).rowcount == 0
            # The control: the same statement reaches one's own rows.
            assert as_app.execute(sql.SQL(statement).format(name), [one.tenant_id]).rowcount > 0


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("conflict", ["", "ON CONFLICT DO NOTHING"])
def test_no_row_can_be_written_for_another_tenant(
    one: Tenant, other: Tenant, as_app: Connection, table: str, conflict: str
) -> None:
    name = sql.Identifier(table)
    [row] = one.query(f"SELECT * FROM {table} WHERE tenant_id = {{tenant}} LIMIT 1")  # noqa: S608
    columns = [column for column in row if column != "tenant_id"]
    copied = sql.SQL("INSERT INTO {} (tenant_id, {}) SELECT %s, {} FROM {} LIMIT 1 {}").format(
        name,
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        name,
        sql.SQL(conflict),
    )
    with refused(), as_app.transaction():
        enter(as_app, one)
        as_app.execute(copied, [other.tenant_id])


UPSERTS = {
    "accounts": "INSERT INTO accounts (tenant_id, account_id, id_usuario, platform, username, username_key) "
    "VALUES (%s, gen_random_uuid(), 1, 'csv', 'x', 'x') ON CONFLICT (tenant_id, id_usuario) "
    "DO UPDATE SET username = 'taken over'",
    "account_access": "INSERT INTO account_access (tenant_id, id_usuario, roles, users) "
    "VALUES (%s, 1, '{admin}', '{}') ON CONFLICT (tenant_id, id_usuario) DO UPDATE SET roles = excluded.roles",
    "counters": "INSERT INTO counters (tenant_id, name, value) VALUES (%s, 'accounts', 7) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET value = excluded.value",
    "lake_copies": "INSERT INTO lake_copies (tenant_id, queued) VALUES (%s, false) "
    "ON CONFLICT (tenant_id) DO UPDATE SET queued = excluded.queued",
    "datasets": "INSERT INTO datasets (tenant_id, name, sha256, rows) VALUES (%s, 'mysql/users', '', 7) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET sha256 = excluded.sha256",
}


@pytest.mark.parametrize("table", UPSERTS)
def test_an_upsert_meets_the_key_of_ones_own_row_alone(
    one: Tenant, other: Tenant, as_app: Connection, table: str
) -> None:
    before = other.query(f"SELECT * FROM {table} WHERE tenant_id = {{tenant}}")  # noqa: S608
    with refused(), as_app.transaction():
        enter(as_app, one)
        as_app.execute(UPSERTS[table].encode(), [other.tenant_id])
    with as_app.transaction(force_rollback=True):
        enter(as_app, one)
        assert as_app.execute(UPSERTS[table].encode(), [one.tenant_id]).rowcount == 1
    assert other.query(f"SELECT * FROM {table} WHERE tenant_id = {{tenant}}") == before  # noqa: S608


def test_the_id_of_another_tenants_job_cannot_be_taken_over(one: Tenant, other: Tenant, as_app: Connection) -> None:
    job = other.query("SELECT id, status FROM jobs WHERE tenant_id = {tenant} LIMIT 1")[0]
    taking = (
        "INSERT INTO jobs (id, tenant_id, kind) VALUES (%s, %s, 'import') "
        "ON CONFLICT (id) DO UPDATE SET status = 'FAILED'"
    )
    with refused(), as_app.transaction():
        enter(as_app, one)
        as_app.execute(taking, [job["id"], one.tenant_id])
    with as_app.transaction(force_rollback=True):
        enter(as_app, one)
        assert as_app.execute(taking, [new_id(), one.tenant_id]).rowcount == 1
    assert other.query(f"SELECT id, status FROM jobs WHERE id = '{job['id']}'") == [job]  # noqa: S608


@pytest.mark.parametrize("table", TABLES)
def test_copy_goes_into_no_table_and_out_with_ones_own_rows(one: Tenant, as_app: Connection, table: str) -> None:
    name = sql.Identifier(table)
    with pytest.raises(psycopg.errors.FeatureNotSupported), as_app.transaction():
        enter(as_app, one)
        with as_app.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
            copy.write(b"")
    with as_app.transaction():
        enter(as_app, one)
        with as_app.cursor().copy(sql.SQL("COPY (SELECT tenant_id FROM {}) TO STDOUT").format(name)) as copy:
            assert {bytes(part).strip().decode() for part in copy} == {str(one.tenant_id)}


def test_rows_cannot_hang_on_another_tenants_row(one: Tenant, other: Tenant, as_app: Connection) -> None:
    """Referential checks bypass row-level security, so each key has to name the tenant."""
    number = other.query("SELECT max(id_usuario) AS number FROM accounts WHERE tenant_id = {tenant}")[0]["number"]
    import_id = other.query("SELECT import_id FROM rejected_rows WHERE tenant_id = {tenant}")[0]["import_id"]
    access = "INSERT INTO account_access (tenant_id, id_usuario, roles, users) VALUES (%s, %s, '{admin}', '{}')"
    rejected = "INSERT INTO rejected_rows VALUES (%s, %s, 99, '', '', '', '')"
    for statement, key in ((access, number), (rejected, import_id)):
        with pytest.raises(psycopg.errors.ForeignKeyViolation), as_app.transaction():
            enter(as_app, one)
            as_app.execute(statement.encode(), [one.tenant_id, key])
    # The control: in their own tenant these keys are there to hang on.
    with as_app.transaction(force_rollback=True):
        enter(as_app, other)
        for statement, key in ((access, number), (rejected, import_id)):
            assert as_app.execute(statement.encode(), [other.tenant_id, key]).rowcount == 1


def test_every_key_names_the_tenant_or_is_one_uuid(one: Tenant) -> None:
    keys = one.query(
        """SELECT conname, contype, array_agg(attname ORDER BY place) AS columns,
                  bool_and(atttypid = 'uuid'::regtype) AS uuids
           FROM pg_constraint CROSS JOIN unnest(conkey) WITH ORDINALITY AS part (number, place)
           JOIN pg_attribute ON attrelid = conrelid AND attnum = number
           WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace AND EXISTS (
             SELECT FROM pg_attribute WHERE attrelid = conrelid AND attname = 'tenant_id')
           GROUP BY conname, contype"""
    )
    assert len(keys) >= len(TABLES)
    loose = [
        key["conname"]
        for key in keys
        if key["columns"][0] != "tenant_id"
        and not (key["contype"] == "p" and len(key["columns"]) == 1 and key["uuids"])
    ]
    assert loose == []
