"""Reads tables of Cassandra by ranges of its tokens. It has no snapshots: each range is read as it then stands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cassandra import (
    ConsistencyLevel,
    CoordinationFailure,
    DriverException,
    OperationTimedOut,
    ReadTimeout,
    Unauthorized,
    Unavailable,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.metadata import protect_name
from cassandra.policies import ConstantReconnectionPolicy, WhiteListRoundRobinPolicy
from cassandra.query import SimpleStatement, tuple_factory

from ingest_service.sources import connection as source
from ingest_service.sources.address import Address, Login
from ingest_service.sources.cassandra_values import as_text, from_text, order_key
from ingest_service.sources.connection import Limits
from ingest_service.sources.encryption import tls_context
from ingest_service.sources.pace import Pace
from ingest_service.sources.table import Column, Cut, Read, Shape

_TYPES = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "counter": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "blob": "BLOB",
}
_WHOLE_NUMBERS = ("tinyint", "smallint", "int", "bigint", "varint")
_ORDERED = frozenset((*_WHOLE_NUMBERS, "decimal", "timestamp", "date", "timeuuid", "text", "ascii", "varchar"))
# Murmur3's tokens; the ring is read in so many pieces.
_FIRST, _LAST, _PIECES = -(2**63), 2**63 - 1, 32


class CassandraConnection:
    """A session that talks to the one allowed address, whatever other nodes it is told of."""

    def __init__(self, cluster: Cluster, keyspace: str, fetch_rows: int) -> None:
        self._cluster = cluster
        self._session = cluster.connect()
        self._keyspace = keyspace
        self._fetch_rows = fetch_rows
        if not str(cluster.metadata.partitioner).endswith("Murmur3Partitioner"):
            raise source.failed("", "partitioner")

    def shape(self, name: str) -> Shape:
        keyspace, _, table = name.rpartition(".")
        found = self._cluster.metadata.keyspaces.get(keyspace or self._keyspace)
        known = found.tables.get(table) if found is not None else None
        if known is None:
            raise source.table_missing(name)
        columns = tuple(Column(column, _TYPES.get(each.cql_type, "VARCHAR")) for column, each in known.columns.items())
        return Shape(found.name, known.name, columns, tuple(column.name for column in known.primary_key))

    def read(self, shape: Shape, cursor: str, cut: Cut | None, target: Path, pace: Pace) -> Read:
        known = self._cluster.metadata.keyspaces[shape.schema].tables[shape.name]
        if cursor and known.columns[cursor].cql_type not in _ORDERED:
            raise source.cursor_unfit(shape.name, cursor)
        select = _select(shape, [column.name for column in known.partition_key], cut)
        values = (from_text(known.columns[cut.column.name].cql_type, cut.value),) if cut else ()
        place = [column.name for column in shape.columns].index(cursor) if cursor else -1
        highest: Any = from_text(known.columns[cursor].cql_type, cut.value) if cut else None
        rows, alone = 0, len(shape.columns) == 1
        step = (_LAST - _FIRST) // _PIECES
        with _explained(shape.name), target.open("ab") as file:
            for piece in range(_PIECES):
                lower = _FIRST + piece * step
                upper = _LAST if piece == _PIECES - 1 else lower + step
                statement = SimpleStatement(select, fetch_size=self._fetch_rows)
                result = self._session.execute(statement, (lower, upper, *values))
                while True:
                    page = result.current_rows
                    data = "".join(",".join(_cell(value, alone) for value in row) + "\n" for row in page).encode()
                    file.write(data)
                    rows += len(page)
                    pace.step(len(page), len(data))
                    if cursor:
                        found = [row[place] for row in page if row[place] is not None]
                        highest = max([*found, *([] if highest is None else [highest])], key=order_key, default=None)
                    if not result.has_more_pages:
                        break
                    result.fetch_next_page()
        return Read(rows, "" if highest is None else as_text(highest))

    def abort(self) -> None:
        self._cluster.shutdown()

    def close(self) -> None:
        self._cluster.shutdown()


def connect(address: Address, ip: str, login: Login, limits: Limits) -> CassandraConnection:
    """Connects to the IP address alone."""
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([ip]),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=limits.sources_silence_seconds,
        row_factory=tuple_factory,
    )
    cluster = Cluster(
        [ip],
        port=address.port,
        auth_provider=PlainTextAuthProvider(login.user, login.password),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(1, max_attempts=1),
        # Cassandra does not tell whether it could encrypt, so it does where that is asked for.
        ssl_context=tls_context(address.tls),
        ssl_options={"server_hostname": address.host} if address.tls in ("require", "verify") else None,
        # The oldest server that is supported, 4.0, speaks it too.
        protocol_version=5,
        connect_timeout=10,
        control_connection_timeout=10,
        executor_threads=1,
    )
    try:
        with _explained(""):
            return CassandraConnection(cluster, address.database, limits.sources_fetch_rows)
    except BaseException:
        cluster.shutdown()
        raise


def _select(shape: Shape, partition_key: list[str], cut: Cut | None) -> str:
    columns = ", ".join(_quoted(column.name) for column in shape.columns)
    token = f"token({', '.join(_quoted(name) for name in partition_key)})"
    table = f"{_quoted(shape.schema)}.{_quoted(shape.name)}"
    where = f"{token} >= %s AND {token} <= %s"
    if cut is not None:
        where += f" AND {_quoted(cut.column.name)} >= %s ALLOW FILTERING"
    return f"SELECT {columns} FROM {table} WHERE {where}"  # noqa: S608 - names from the catalog, quoted


def _quoted(name: str) -> str:
    quoted: str = protect_name(name)
    return quoted.replace("%", "%%")


def _cell(value: Any, alone: bool) -> str:
    if value is None:
        # A line with nothing on it would be no row.
        return '""' if alone else ""
    text = as_text(value)
    if text == "" or any(sign in text for sign in '",\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


@contextmanager
def _explained(table: str) -> Iterator[None]:
    """Says what went wrong without the server's own words."""
    try:
        yield
    except NoHostAvailable as error:
        refused = any("AuthenticationFailed" in type(each).__name__ for each in dict(error.errors or {}).values())
        raise (source.login_refused() if refused else source.unavailable()) from None
    except Unauthorized:
        raise source.access_denied(table) from None
    except ReadTimeout:
        raise source.too_slow(table) from None
    except (OperationTimedOut, Unavailable, CoordinationFailure, OSError):
        raise source.unavailable() from None
    except DriverException as error:
        if type(error) is DriverException:
            # What the driver cannot make a value of; what the server says has types of its own.
            raise source.value_unreadable(table) from None
        raise source.failed(table, type(error).__name__) from None
