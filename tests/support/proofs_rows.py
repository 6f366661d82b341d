"""Tries, as a service's own role, to see and to move rows of a tenant that is not the session's; led by the catalog."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from local_suite.environment import database_url
from local_suite.home import Home
from psycopg import sql

from support.proofs_belongings import TABLES_OF_TENANTS

# What the database says to who may not: a right that is missing, a policy, or a tenant that is no UUID.
REFUSALS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidTextRepresentation)
# Without its third argument a setting would outlive the transaction.
SET_TENANT = "SELECT set_config('app.tenant_id', %s, true)"
NOBODY = (None, "", " ", "not-a-uuid", "' OR true --", "00000000-0000-0000-0000-00000000000g")

MOVES = {
    "update": "WITH w AS (UPDATE {table} SET tenant_id = {other} RETURNING 1) SELECT count(*) FROM w",
    "insert": "WITH w AS (INSERT INTO {table} SELECT {copy} FROM {table} t LIMIT 1 RETURNING 1) SELECT count(*) FROM w",
    "upsert": """WITH w AS (INSERT INTO {table} SELECT {copy} FROM {table} t LIMIT 1 ON CONFLICT DO NOTHING RETURNING 1)
                 SELECT count(*) FROM w""",
}


@contextmanager
def as_service(home: Home, database: str) -> Iterator[psycopg.Connection]:
    """A connection of the role that the service itself works with."""
    service = database.removeprefix("atalaya_")
    with psycopg.connect(database_url(home, service, "app"), autocommit=True) as connection:
        yield connection


def tenant_tables(connection: psycopg.Connection) -> list[str]:
    """Names the tables that hold rows of tenants."""
    return [name for (name,) in connection.execute(TABLES_OF_TENANTS).fetchall()]


def count(connection: psycopg.Connection, table: str, tenant: str | None, where: str = "true") -> int:
    """Counts what a transaction of a tenant's (None: of nobody's) sees of a table; 0 where it is refused."""
    statement = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.SQL(table), sql.SQL(where))
    return _tried(connection, tenant, statement) or 0


def changes(connection: psycopg.Connection, table: str, tenant: str | None) -> int:
    """Counts the rows that such a transaction could change or delete; nothing stays changed."""
    name = sql.SQL(table)
    update = sql.SQL("WITH u AS (UPDATE {} SET tenant_id = tenant_id RETURNING 1) SELECT count(*) FROM u").format(name)
    delete = sql.SQL("WITH d AS (DELETE FROM {} RETURNING 1) SELECT count(*) FROM d").format(name)
    return (_tried(connection, tenant, update) or 0) + (_tried(connection, tenant, delete) or 0)


def moves(connection: psycopg.Connection, table: str, own: str, other: str) -> dict[str, bool]:
    """Tries each way to bring a row of one's own into another tenant; tells which of them was let through."""
    parts = {
        "table": sql.SQL(table),
        "other": sql.Literal(other),
        "copy": sql.SQL("(jsonb_populate_record(t, jsonb_build_object('tenant_id', {}::text))).*").format(other),
    }
    return {way: _tried(connection, own, sql.SQL(text).format(**parts)) is not None for way, text in MOVES.items()}


def copies_in(connection: psycopg.Connection, table: str, own: str) -> bool:
    """Whether COPY, which could bring rows of any tenant, gets into a table."""
    try:
        with connection.transaction(force_rollback=True), connection.cursor() as cursor:
            cursor.execute(SET_TENANT, (own,))
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.SQL(table))):
                pass
    except (*REFUSALS, psycopg.errors.FeatureNotSupported):
        return False
    return True


def _tried(connection: psycopg.Connection, tenant: str | None, statement: sql.Composed) -> int | None:
    """Runs a statement that counts, in a transaction of a tenant's that is rolled back; None where it is refused."""
    try:
        with connection.transaction(force_rollback=True):
            if tenant is not None:
                connection.execute(SET_TENANT, (tenant,))
            row = connection.execute(statement).fetchone()
    except REFUSALS:
        return None
    return int(row[0]) if row else 0
