"""The control of the tries on rows: where row-level security is off, the same statements see, change and move them."""

import secrets
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from local_suite.postgres import EmbeddedPostgres
from support.catalog_lint import OWN_ROWS
from support.proofs_rows import MOVES, NOBODY, changes, copies_in, count, moves, tenant_tables

MINE, OTHER = str(uuid4()), str(uuid4())
TABLE = """
    SET ROLE rows_owner;
    CREATE TABLE things (tenant_id uuid NOT NULL, id uuid DEFAULT gen_random_uuid(), PRIMARY KEY (tenant_id, id));
    INSERT INTO things (tenant_id) VALUES ('{mine}'), ('{other}');
    GRANT SELECT, INSERT, UPDATE, DELETE ON things TO rows_app
"""
GUARD = """
    ALTER TABLE things ENABLE ROW LEVEL SECURITY;
    ALTER TABLE things FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON things USING ({own_rows}) WITH CHECK ({own_rows})
"""


@pytest.fixture(scope="module")
def app(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    password = secrets.token_urlsafe(8)
    postgres.create_service("rows", (secrets.token_urlsafe(8), password), database="rows_scratch")
    with postgres.connect("rows_scratch") as connection:
        connection.execute(TABLE.format(mine=MINE, other=OTHER).encode())
    with psycopg.connect(postgres.dsn("rows_scratch", "rows_app", password), autocommit=True) as connection:
        yield connection
    postgres.drop_database("rows_scratch")


def test_without_row_level_security_every_try_succeeds(app: psycopg.Connection) -> None:
    assert tenant_tables(app) == ["things"]
    assert [count(app, "things", tenant) for tenant in NOBODY] == [2] * len(NOBODY)
    assert changes(app, "things", None) == 4
    assert moves(app, "things", MINE, OTHER) == dict.fromkeys(MOVES, True)
    assert copies_in(app, "things", MINE)


def test_with_row_level_security_none_does(postgres: EmbeddedPostgres, app: psycopg.Connection) -> None:
    with postgres.connect("rows_scratch") as connection:
        connection.execute(GUARD.format(own_rows=OWN_ROWS).encode())

    assert [count(app, "things", tenant) for tenant in NOBODY] == [0] * len(NOBODY)
    assert (changes(app, "things", None), changes(app, "things", MINE)) == (0, 2)
    assert moves(app, "things", MINE, OTHER) == dict.fromkeys(MOVES, False)
    assert not copies_in(app, "things", MINE)
