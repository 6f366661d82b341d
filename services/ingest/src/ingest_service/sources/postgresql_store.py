"""Reads tables of a PostgreSQL database: one transaction, so one snapshot of all tables, and COPY."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ingest_service.sources import connection as source
from ingest_service.sources.address import Address, Login
from ingest_service.sources.connection import Limits
from ingest_service.sources.pace import Pace
from ingest_service.sources.table import Column, Cut, Read, Shape

_STEP_ROWS = 2_000
_TLS = {"prefer": "prefer", "off": "disable", "require": "require", "verify": "verify-full"}
# Values come in one form, whatever the server or the role is set to.
_SESSION = {
    "default_transaction_read_only": "on",
    "datestyle": "ISO,YMD",
    "intervalstyle": "iso_8601",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "3",
}
_TABLE = (
    "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid = pg_catalog.to_regclass(%s)"
)
_COLUMNS = (
    # An index may carry columns behind those of its key, and a table's key says nothing of the tables that inherit it.
    "SELECT a.attname, t.typname, a.atttypmod, "
    "coalesce(a.attnum = ANY(i.indkey[0:i.indnkeyatts - 1]), false) AS is_key "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND NOT EXISTS "
    "(SELECT FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhparent "
    "WHERE h.inhparent = a.attrelid AND c.relkind = 'r') "
    "WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
)
# What this transaction has read of that was written anew since its snapshot, as by TRUNCATE: it looks empty then.
_REWRITTEN = (
    "SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation "
    "WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'm') "
    "AND c.relfilenode <> 0 AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid) LIMIT 1"
)
_TYPES = {
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "oid": "BIGINT",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "bytea": "BLOB",
}


class PostgresqlConnection:
    """One read-only transaction."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def shape(self, name: str) -> Shape:
        parts = name.split(".", 1)
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in parts)
        with _explained(name):
            found = self._connection.execute(_TABLE, (quoted,)).fetchone()
            if found is None:
                raise source.table_missing(name)
            rows = self._connection.execute(_COLUMNS, (found[0],)).fetchall()
        columns = tuple(Column(column, _type(typed, modifier)) for column, typed, modifier, _ in rows)
        return Shape(found[1], found[2], columns, tuple(row[0] for row in rows if row[3]))

    def read(self, shape: Shape, cursor: str, cut: Cut | None, target: Path, pace: Pace) -> Read:
        table = sql.Identifier(shape.schema, shape.name)
        columns = sql.SQL(", ").join(_expression(column, alone=len(shape.columns) == 1) for column in shape.columns)
        where = _where(cut)
        statement = sql.SQL("COPY (SELECT {} FROM {}{}) TO STDOUT (FORMAT csv)").format(columns, table, where)
        rows = pending = size = 0
        with _explained(shape.name), target.open("ab", buffering=1 << 20) as file:
            highest = self._highest(table, shape, cursor, where)
            with self._connection.cursor() as reading, reading.copy(statement) as copy:
                # The server sends a row at a time.
                for data in copy:
                    file.write(data)
                    pending += 1
                    size += len(data)
                    if pending == _STEP_ROWS:
                        pace.step(pending, size)
                        rows, pending, size = rows + pending, 0, 0
            pace.step(pending, size)
            if self._connection.execute(_REWRITTEN).fetchone() is not None:
                raise source.rewritten(shape.name)
        return Read(rows + pending, highest)

    def _highest(self, table: sql.Identifier, shape: Shape, cursor: str, where: sql.Composable) -> str:
        if not cursor:
            return ""
        # By the database's own order, which texts have too, and types without a max(), as uuid.
        name = sql.Identifier(cursor)
        statement = sql.SQL(
            "SELECT {}::text FROM (SELECT * FROM {}{}) AS t WHERE {} IS NOT NULL ORDER BY {} DESC LIMIT 1"
        ).format(name, table, where, name, name)
        try:
            row = self._connection.execute(statement).fetchone()
        except psycopg.errors.UndefinedFunction:
            raise source.cursor_unfit(shape.name, cursor) from None
        return row[0] if row and row[0] is not None else ""

    def abort(self) -> None:
        self._connection.cancel_safe(timeout=5)

    def close(self) -> None:
        self._connection.close()


def connect(address: Address, ip: str, login: Login, limits: Limits) -> PostgresqlConnection:
    """Connects to the IP address; the name serves the check of the server's certificate."""
    session = {**_SESSION, "statement_timeout": f"{limits.sources_statement_seconds}s", "lock_timeout": "10s"}
    with _explained(""):
        connection = psycopg.connect(
            host=address.host,
            hostaddr=ip,
            port=address.port,
            dbname=address.database,
            user=login.user,
            password=login.password,
            sslmode=_TLS[address.tls],
            sslrootcert="system" if address.tls == "verify" else None,
            gssencmode="disable",
            passfile="/dev/null",
            client_encoding="UTF8",
            connect_timeout=10,
            keepalives_idle=limits.sources_silence_seconds,
            tcp_user_timeout=limits.sources_silence_seconds * 1000,
            application_name="atalaya",
            options=" ".join(f"-c {name}={value}" for name, value in session.items()),
        )
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return PostgresqlConnection(connection)


def _type(name: str, modifier: int) -> str:
    if name == "numeric" and modifier >= 4:
        precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
        # A scale may be negative or beyond the precision, and a number longer than 38 digits.
        return f"DECIMAL({precision},{scale})" if scale <= precision <= 38 else "VARCHAR"
    return _TYPES.get(name, "VARCHAR")


def _expression(column: Column, *, alone: bool) -> sql.Composable:
    name: sql.Composable = sql.Identifier(column.name)
    if column.type == "BLOB":
        name = sql.SQL("encode({}, 'hex')").format(name)
    elif column.type == "BOOLEAN" or alone:
        name = sql.SQL("{}::text").format(name)
    # A line with nothing on it would be no row.
    return sql.SQL("coalesce({}, '')").format(name) if alone else name


def _where(cut: Cut | None) -> sql.Composable:
    if cut is None:
        return sql.SQL("")
    column = sql.Identifier(cut.column.name)
    return sql.SQL(" WHERE {} >= {} OR {} IS NULL").format(column, sql.Literal(cut.value), column)


@contextmanager
def _explained(table: str) -> Iterator[None]:
    """Says what went wrong without the server's own words."""
    try:
        yield
    except psycopg.errors.QueryCanceled:
        raise source.too_slow(table) from None
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName):
        raise (source.access_denied(table) if table else source.login_refused()) from None
    except psycopg.OperationalError as error:
        refused = (error.sqlstate or "").startswith(("28", "3D")) or "password authentication failed" in str(error)
        # While connecting, libpq tells no code.
        refused = refused or (not table and 'FATAL:  database "' in str(error))
        raise (source.login_refused() if refused else source.unavailable()) from None
    except psycopg.Error as error:
        raise source.failed(table, error.sqlstate) from None
