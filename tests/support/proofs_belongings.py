"""A fingerprint of all that a company owns: its rows in every table of every database, and its files in the lake."""

import time
from hashlib import sha256

from local_suite.home import Home
from local_suite.programs import postgres_server
from psycopg import Connection, sql

STEADY_SECONDS = 120
TABLES_OF_TENANTS = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1
"""
ALL_TABLES = """
    SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
"""
ROWS = """
    SELECT count(*), md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), ''))
    FROM {table} t WHERE tenant_id = %s
"""


def databases(home: Home) -> list[str]:
    """Names the databases of a suite; a service that keeps no records has none."""
    with postgres_server(home).connect() as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^atalaya_' ORDER BY 1").fetchall()
    return [name for (name,) in found]


def belongings(home: Home, tenant_id: str) -> dict[str, str]:
    """Gives a fingerprint by table and file."""
    found: dict[str, str] = {}
    for database in databases(home):
        with postgres_server(home).connect(database) as connection:
            found |= {f"{database}.{table}": said for table, said in _tables(connection, tenant_id)}
    folder = home.lake / f"tenant={tenant_id}"
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        found[str(file.relative_to(home.lake))] = sha256(file.read_bytes()).hexdigest()
    return found


def steady_belongings(home: Home, tenant_id: str) -> dict[str, str]:
    """Gives the same when nothing that was begun before is still being written."""
    until = time.monotonic() + STEADY_SECONDS
    before = belongings(home, tenant_id)
    while True:
        time.sleep(1)
        now = belongings(home, tenant_id)
        if now == before:
            return now
        assert time.monotonic() < until, "what the company owns does not come to rest"
        before = now


def rows_with(home: Home, text: str) -> list[str]:
    """Names every table, of tenants or not, in which a text stands somewhere."""
    found = []
    for database in databases(home):
        with postgres_server(home).connect(database) as connection:
            tables = [name for (name,) in connection.execute(ALL_TABLES).fetchall()]
            for table in tables:
                statement = sql.SQL("SELECT count(*) FROM {} t WHERE strpos(t::text, %s) > 0").format(sql.SQL(table))
                if connection.execute(statement, (text,)).fetchone() != (0,):
                    found.append(f"{database}.{table}")
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Names what is not as it was."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _tables(connection: Connection, tenant_id: str) -> list[tuple[str, str]]:
    tables = [name for (name,) in connection.execute(TABLES_OF_TENANTS).fetchall()]
    told = []
    for table in tables:
        statement = sql.SQL(ROWS).format(table=sql.SQL(table))
        row = connection.execute(statement, (tenant_id,)).fetchone()
        assert row is not None
        told.append((table, f"{row[0]} rows, {row[1]}"))
    return told
