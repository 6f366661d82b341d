"""Makes the insurer's schemas and fills them: what is there already is made anew, so that repeating changes nothing."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from psycopg import sql

from local_suite.databases.cassandra import Cassandra
from local_suite.databases.mariadb import MariaDb
from local_suite.databases.postgresql import PostgreSql
from local_suite.databases.schemas import DATABASE, TYPES, rows_of, tables_of
from local_suite.demo.people import Table

READER = "atalaya_reader"
_AT_ONCE = 1_000


def set_up_mysql(server: MariaDb, password: str) -> None:
    """Makes the database, its tables and a user who may read them."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        for table, columns in tables_of("mysql").items():
            types = ", ".join(f"`{name}` {TYPES['mysql'][kind]}" for name, kind in columns.items())
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {DATABASE}.{table} ({types})")
        cursor.execute(f"CREATE USER IF NOT EXISTS {READER}@'%%'", ())
        cursor.execute(f"ALTER USER {READER}@'%%' IDENTIFIED BY %s", (password,))
        cursor.execute(f"GRANT SELECT ON {DATABASE}.* TO {READER}@'%%'", ())


def fill_mysql(server: MariaDb, generated: dict[str, Table]) -> int:
    count = 0
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        for table, columns in tables_of("mysql").items():
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
            marks = ", ".join(["%s"] * len(columns))
            for rows in _portions(rows_of(f"mysql/{table}", generated[f"mysql/{table}"])):
                cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
                count += len(rows)
    return count


def set_up_postgresql(server: PostgreSql, password: str) -> None:
    """Makes the database, its tables and a role that may read them."""
    with server.connect() as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (READER,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(READER)))
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(READER), sql.Literal(password))
        connection.execute(statement)
    with server.connect(DATABASE) as connection:
        for table, columns in tables_of("postgresql").items():
            types = ", ".join(f"{name} {TYPES['postgresql'][kind]}" for name, kind in columns.items())
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({types})".encode())
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(READER)))


def fill_postgresql(server: PostgreSql, generated: dict[str, Table]) -> int:
    count = 0
    with server.connect(DATABASE) as connection:
        connection.execute("SET timezone = 'UTC'")
        for table in tables_of("postgresql"):
            name = sql.Identifier(table)
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute(sql.SQL("DELETE FROM {}").format(name))
                with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
                    for row in rows_of(f"postgresql/{table}", generated[f"postgresql/{table}"]):
                        copy.write_row(row)
                        count += 1
    return count


def set_up_cassandra(server: Cassandra, password: str) -> None:
    """Makes the keyspace, its tables and a role that may read them."""

    def make(session: Any) -> None:
        session.execute(
            f"CREATE KEYSPACE IF NOT EXISTS {DATABASE} "
            "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        for table, columns in tables_of("cassandra").items():
            types = ", ".join(f"{name} {TYPES['cassandra'][kind]}" for name, kind in columns.items())
            session.execute(f"CREATE TABLE IF NOT EXISTS {DATABASE}.{table} ({types})")
        session.execute(f"CREATE ROLE IF NOT EXISTS {READER} WITH LOGIN = true")
        session.execute(f"ALTER ROLE {READER} WITH PASSWORD = %s", (password,))
        session.execute(f"GRANT SELECT ON KEYSPACE {DATABASE} TO {READER}")

    _with_session(server, make)


def fill_cassandra(server: Cassandra, generated: dict[str, Table]) -> int:
    def fill(session: Any) -> int:
        from cassandra.concurrent import execute_concurrent_with_args

        count = 0
        for table, columns in tables_of("cassandra").items():
            session.execute(f"TRUNCATE {DATABASE}.{table}")
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            insert = session.prepare(f"INSERT INTO {DATABASE}.{table} ({names}) VALUES ({marks})")  # noqa: S608
            for rows in _portions(rows_of(f"cassandra/{table}", generated[f"cassandra/{table}"])):
                execute_concurrent_with_args(session, insert, rows, concurrency=100)
                count += len(rows)
        return count

    return int(_with_session(server, fill))


def _with_session(server: Cassandra, work: Callable[[Any], Any]) -> Any:
    cluster = server.connect()
    try:
        return work(cluster.connect())
    finally:
        cluster.shutdown()


def _portions(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    left = iter(rows)
    while portion := list(itertools.islice(left, _AT_ONCE)):
        yield portion
