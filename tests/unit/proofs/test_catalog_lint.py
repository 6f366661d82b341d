"""The control of the catalog's lints: each finds an offence, and nothing in a database that is as it should be."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from local_suite.postgres import EmbeddedPostgres
from support.catalog_lint import LINTS, OWN_ROWS, Lint, all_findings

OWNER, APP = "lint_owner", "lint_app"
GOOD = """
    CREATE TABLE things (tenant_id uuid NOT NULL, id uuid, PRIMARY KEY (tenant_id, id));
    CREATE TABLE notes (tenant_id uuid NOT NULL, number integer, thing_id uuid,
        FOREIGN KEY (tenant_id, thing_id) REFERENCES things);
    ALTER TABLE things ENABLE ROW LEVEL SECURITY;
    ALTER TABLE things FORCE ROW LEVEL SECURITY;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    ALTER TABLE notes FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON things USING ({own_rows}) WITH CHECK ({own_rows});
    CREATE POLICY tenant_isolation ON notes USING ({own_rows}) WITH CHECK ({own_rows});
    CREATE POLICY lookups ON things FOR SELECT TO CURRENT_USER USING (current_user <> session_user);
    CREATE VIEW seen_things WITH (security_invoker = true) AS SELECT * FROM things;
    CREATE FUNCTION find_thing(wanted uuid) RETURNS uuid LANGUAGE sql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS 'SELECT tenant_id FROM public.things WHERE id = wanted';
    REVOKE ALL ON FUNCTION find_thing(uuid) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION find_thing(uuid) TO {app};
    GRANT SELECT, INSERT, UPDATE, DELETE ON things, notes TO {app}
"""


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = "lint_scratch"
    postgres.create_service("lint", (secrets.token_urlsafe(8), secrets.token_urlsafe(8)), database=name)
    with postgres.connect(name) as connection:
        connection.execute(f"SET ROLE {OWNER}; {GOOD.format(own_rows=OWN_ROWS, app=APP)}".encode())
    yield name
    postgres.drop_database(name)


@pytest.fixture
def connection(postgres: EmbeddedPostgres, database: str) -> Iterator[psycopg.Connection]:
    """Rolled back in the end, roles too."""
    with postgres.connect(database) as connection, connection.transaction(force_rollback=True):
        yield connection


def test_a_good_database_has_no_findings(connection: psycopg.Connection) -> None:
    assert all_findings(connection, OWNER, APP) == []


@pytest.mark.parametrize("lint", LINTS, ids=lambda lint: lint.name)
def test_each_lint_finds_an_offence(connection: psycopg.Connection, lint: Lint) -> None:
    connection.execute(lint.offence.format(owner=OWNER, app=APP).encode())

    assert lint.findings(connection, OWNER, APP) != []
