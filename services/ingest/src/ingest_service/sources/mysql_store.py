"""Reads tables of MySQL and MariaDB: one read-only transaction with a consistent snapshot, a row at a time.

The server makes each row one line of CSV, so that a row is one value here: several times as fast as taking it apart.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import SSCursor

from ingest_service.sources import connection as source
from ingest_service.sources.address import Address, Login
from ingest_service.sources.connection import Limits
from ingest_service.sources.encryption import tls_context
from ingest_service.sources.pace import Pace
from ingest_service.sources.table import Column, Cut, Read, Shape

_LOGIN_REFUSED = (1044, 1045, 1049, 1698)
_ACCESS_DENIED = (1142, 1143, 1370)
# The table was altered or emptied since the snapshot.
_REWRITTEN = 1412
_TOO_SLOW = (1205, 1317, 1969, 3024)
_COLUMNS = (
    "SELECT table_schema, table_name, column_name, data_type, column_type, numeric_precision, numeric_scale, "
    "column_key FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"
)
_WHOLE = {"tinyint": "TINYINT", "smallint": "SMALLINT", "mediumint": "INTEGER", "int": "INTEGER", "bigint": "BIGINT"}
_UNSIGNED = {
    "tinyint": "UTINYINT",
    "smallint": "USMALLINT",
    "mediumint": "UINTEGER",
    "int": "UINTEGER",
    "bigint": "UBIGINT",
}
_TYPES = {
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "timestamp": "TIMESTAMPTZ",
    "year": "SMALLINT",
    "bit": "UBIGINT",
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "BLOB"),
}
# What bytes begin with where they are kept as text.
_BYTES = "0x"
_SHAPES = ("point", "linestring", "polygon")
_GEOMETRY = frozenset(("geometry", "geometrycollection", *_SHAPES, *(f"multi{shape}" for shape in _SHAPES)))


class MysqlConnection:
    """One read-only transaction with a snapshot of all tables of engines that have any."""

    def __init__(self, connection: pymysql.connections.Connection, database: str, fetch_rows: int) -> None:
        self._connection = connection
        self._database = database
        self._fetch_rows = fetch_rows

    def shape(self, name: str) -> Shape:
        schema, _, table = name.rpartition(".")
        with _explained(name), self._connection.cursor() as cursor:
            cursor.execute(_COLUMNS, (schema or self._database, table))
            rows = [row for row in cursor.fetchall() if row[1] == table]
        if not rows:
            raise source.table_missing(name)
        columns = tuple(_column(row) for row in rows)
        return Shape(rows[0][0], rows[0][1], columns, tuple(row[2] for row in rows if row[7] == "PRI"))

    def read(self, shape: Shape, cursor: str, cut: Cut | None, target: Path, pace: Pace) -> Read:
        table = f"{_quoted(shape.schema)}.{_quoted(shape.name)}"
        alone = len(shape.columns) == 1
        line = ", ',', ".join(_expression(column, alone=alone) for column in shape.columns)
        where, values = _where(cut)
        statement = f"SELECT CONCAT({line}) FROM {table}{where}"  # noqa: S608 - names from the catalog, quoted
        rows = 0
        with _explained(shape.name), target.open("ab") as file:
            highest = self._highest(table, shape.column(cursor), cut)
            with self._connection.cursor(SSCursor) as reading:
                reading.execute(statement, values)
                while fetched := reading.fetchmany(self._fetch_rows):
                    try:
                        data = ("\n".join(row[0] for row in fetched) + "\n").encode()
                    except TypeError:
                        # A line longer than the server's max_allowed_packet is NULL.
                        raise source.row_too_large(shape.name) from None
                    file.write(data)
                    rows += len(fetched)
                    pace.step(len(fetched), len(data))
        return Read(rows, highest)

    def _highest(self, table: str, cursor: Column | None, cut: Cut | None) -> str:
        if cursor is None:
            return ""
        where, values = _where(cut)
        highest = f"MAX({_quoted(cursor.name)})"
        # As text bytes are none, and a FLOAT has six digits.
        text = {"BLOB": f"CONCAT('{_BYTES}', HEX({highest}))", "FLOAT": f"CAST({highest} + 0e0 AS CHAR)"}
        value = text.get(cursor.type, f"CAST({highest} AS CHAR)")
        with self._connection.cursor() as asking:
            asking.execute(f"SELECT {value} FROM {table}{where}", values)  # noqa: S608
            row = asking.fetchone()
        return row[0] if row and row[0] is not None else ""

    def abort(self) -> None:
        with suppress(OSError, AttributeError):
            self._connection._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        # At once: what is left of a result is not worth waiting for.
        with suppress(Exception):
            self._connection._force_close()


def connect(address: Address, ip: str, login: Login, limits: Limits) -> MysqlConnection:
    """Connects to the IP address; the name serves the check of the server's certificate."""
    with _explained(""):
        connection = pymysql.connections.Connection(
            host=address.host,
            port=address.port,
            user=login.user,
            password=login.password.encode(),
            database=address.database,
            charset="utf8mb4",
            # Without it the driver takes TLS where the server has it.
            ssl=tls_context(address.tls),
            ssl_disabled=address.tls == "off",
            local_infile=False,
            connect_timeout=10,
            read_timeout=limits.sources_silence_seconds,
            write_timeout=limits.sources_silence_seconds,
            program_name="atalaya",
            defer_connect=True,
        )
        try:
            plain = socket.create_connection((ip, address.port), timeout=10)
        except OSError:
            raise source.unavailable() from None
        plain.settimeout(None)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.connect(plain)
        _begin(connection, limits)
    return MysqlConnection(connection, address.database, limits.sources_fetch_rows)


def _begin(connection: pymysql.connections.Connection, limits: Limits) -> None:
    seconds = limits.sources_statement_seconds
    maria = "MariaDB" in connection.get_server_info()
    longest = f"max_statement_time = {seconds}" if maria else f"max_execution_time = {seconds * 1000}"
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION time_zone = '+00:00', sql_mode = '', lock_wait_timeout = 10, {longest}")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def _column(row: "tuple[Any, ...]") -> Column:
    _, _, name, data_type, column_type, precision, scale, _ = row
    data_type = data_type.lower()
    if data_type in _WHOLE:
        return Column(name, (_UNSIGNED if "unsigned" in column_type else _WHOLE)[data_type])
    if data_type == "decimal":
        return Column(name, f"DECIMAL({precision},{scale})" if precision <= 38 else "VARCHAR")
    return Column(name, "BLOB" if data_type in _GEOMETRY else _TYPES.get(data_type, "VARCHAR"))


def _expression(column: Column, *, alone: bool) -> str:
    """Gives a column as a cell: what cannot hold a comma or a quote stands as it is."""
    name = _quoted(column.name)
    # A line with nothing on it would be no row.
    missing = "'\"\"'" if alone else "''"
    if column.type == "VARCHAR":
        text = f"CONCAT('\"', REPLACE(CONVERT({name} USING utf8mb4), '\"', '\"\"'), '\"')"
    elif column.type == "BLOB":
        text = f"CONCAT('\"', LOWER(HEX({name})), '\"')"
    elif column.type == "TIMESTAMPTZ":
        text = f"CONCAT({name}, '+00')"
    elif column.type == "FLOAT":
        # As text a FLOAT has six digits.
        text = f"({name} + 0e0)"
    elif column.type == "UBIGINT":
        text = f"({name} + 0)"
    else:
        text = name
    return f"CASE WHEN {name} IS NULL THEN {missing} ELSE {text} END"


def _where(cut: Cut | None) -> tuple[str, tuple[str, ...]]:
    if cut is None:
        return "", ()
    name = _quoted(cut.column.name)
    if cut.column.type == "BLOB" and cut.value.startswith(_BYTES):
        return f" WHERE {name} >= UNHEX(%s) OR {name} IS NULL", (cut.value.removeprefix(_BYTES),)
    return f" WHERE {name} >= %s OR {name} IS NULL", (cut.value,)


def _quoted(name: str) -> str:
    # The driver has values in its keeping, names it leaves to us; a % would be its placeholder.
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


@contextmanager
def _explained(table: str) -> Iterator[None]:
    """Says what went wrong without the server's own words."""
    try:
        yield
    except pymysql.MySQLError as error:
        code = error.args[0] if error.args else 0
        if code in _LOGIN_REFUSED and not table:
            raise source.login_refused() from None
        if code in (*_ACCESS_DENIED, *_LOGIN_REFUSED):
            raise source.access_denied(table) from None
        if code == _REWRITTEN:
            raise source.rewritten(table) from None
        if code in _TOO_SLOW:
            raise source.too_slow(table) from None
        if isinstance(error, pymysql.OperationalError | pymysql.InterfaceError) and (
            not table or code in (0, 2006, 2013)
        ):
            raise source.unavailable() from None
        raise source.failed(table, code) from None
    except OSError:
        raise source.unavailable() from None
