"""What every kind of source can do, and what can be wrong with one, in words that tell nothing of its credentials."""

from pathlib import Path
from typing import Protocol

from service_runtime.errors import Conflict, InvalidArgument, NotFound, PermissionDenied, ServiceError, Unavailable

from ingest_service.sources.address import Address, Login
from ingest_service.sources.pace import Pace
from ingest_service.sources.table import Cut, Read, Shape


class Limits(Protocol):
    """What the operator grants a reading."""

    @property
    def sources_statement_seconds(self) -> int: ...

    @property
    def sources_silence_seconds(self) -> int: ...

    @property
    def sources_fetch_rows(self) -> int: ...


class SourceConnection(Protocol):
    """One connection to a source, which sees one state of it, reads only, and is used by one thread at a time."""

    def shape(self, name: str) -> Shape:
        """Looks a table up in the database's catalog by its exact name."""

    def read(self, shape: Shape, cursor: str, cut: Cut | None, target: Path, pace: Pace) -> Read:
        """Appends a table's rows to a file as CSV without header: NULL is nothing, an empty text is ""."""

    def abort(self) -> None:
        """Ends what another thread is waiting for."""

    def close(self) -> None:
        """Gives the connection back; never raises."""


class Connect(Protocol):
    """Opens a connection to an IP address that was allowed; `address` says which name and database are meant."""

    def __call__(self, address: Address, ip: str, login: Login, limits: Limits) -> SourceConnection: ...


def unavailable() -> Unavailable:
    return Unavailable("SOURCE_UNAVAILABLE", "The source does not answer, or broke off.", retry_after=60)


def rewritten(table: str) -> Unavailable:
    message = f"{table} was emptied or made anew while the source was read."
    return Unavailable("SOURCE_TABLE_REWRITTEN", message, retry_after=60, table=table)


def login_refused() -> PermissionDenied:
    return PermissionDenied("SOURCE_LOGIN_REFUSED", "The source refuses the user, the password or the database.")


def access_denied(table: str) -> PermissionDenied:
    return PermissionDenied("SOURCE_ACCESS_DENIED", f"The source's user may not read {table}.", table=table)


def table_missing(table: str) -> NotFound:
    return NotFound("SOURCE_TABLE_MISSING", f"The source has no table {table}.", table=table)


def too_slow(table: str) -> InvalidArgument:
    return InvalidArgument("SOURCE_TOO_SLOW", f"Reading {table} took longer than the operator allows.", table=table)


def row_too_large(table: str) -> InvalidArgument:
    return InvalidArgument("SOURCE_ROW_TOO_LARGE", f"A row of {table} is too large to be carried.", table=table)


def rows_too_large(table: str) -> InvalidArgument:
    message = f"Rows of {table} are too large to be carried, but as CSV, whole and with the contract evolve."
    return InvalidArgument("SOURCE_ROW_TOO_LARGE", message, table=table)


def value_unreadable(table: str) -> InvalidArgument:
    message = f"{table} has a value that cannot be read, such as a timestamp outside of the years 1 to 9999."
    return InvalidArgument("SOURCE_VALUE_UNREADABLE", message, table=table)


def cursor_unfit(table: str, cursor: str) -> Conflict:
    return Conflict("BAD_CURSOR", f"{table} cannot be read by the order of {cursor}.", table=table, cursor=cursor)


def failed(table: str, code: object) -> ServiceError:
    """Names the database's own code of the failure, not its text, which may hold values."""
    return InvalidArgument("SOURCE_FAILED", f"The source failed at {table or 'the beginning'} with the code {code}.")
