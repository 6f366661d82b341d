"""Takes rows out of PostgreSQL by COPY, in a thread."""

import select
from typing import BinaryIO

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result


def copy_out(connection: pq.abc.PGconn, statement: str, target: BinaryIO) -> None:
    """Runs a COPY … TO STDOUT and writes what comes; nothing else may use the connection meanwhile.

    The driver's own copy goes through the event loop for each row, which costs more than PostgreSQL takes to read it.
    """
    connection.send_query(statement.encode())
    while connection.flush():
        select.select([], [connection.socket], [])
    begun = _result(connection)
    if begun is None or begun.status != pq.ExecStatus.COPY_OUT:
        raise _refusal(connection, begun)
    failure: OSError | None = None
    while (taken := connection.get_copy_data(1))[0] >= 0:
        if not taken[0]:
            _wait(connection)
        elif failure is None:
            try:
                target.write(taken[1])
            except OSError as error:
                # The rest is taken all the same, for nothing else can be asked before.
                failure = error
    ended = _result(connection)
    if ended is None or ended.status != pq.ExecStatus.COMMAND_OK:
        raise _refusal(connection, ended)
    # The answer is complete when there is no result any more.
    while _result(connection) is not None:
        pass
    if failure is not None:
        raise failure


def _result(connection: pq.abc.PGconn) -> pq.abc.PGresult | None:
    while connection.is_busy():
        _wait(connection)
    return connection.get_result()


def _wait(connection: pq.abc.PGconn) -> None:
    select.select([connection.socket], [], [])
    connection.consume_input()


def _refusal(connection: pq.abc.PGconn, result: pq.abc.PGresult | None) -> psycopg.Error:
    while _result(connection) is not None:
        pass
    if result is None:
        return psycopg.OperationalError("the connection gave no result")
    return error_from_result(result)
