"""DuckDB in the process: sandboxed to one folder, bounded in memory and time, in threads of its own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import duckdb
from service_runtime.errors import DeadlineExceeded, Unavailable

from analytics_service.fair_turns import FairTurns
from analytics_service.query_engine import Query, QueryFailed, Row, Source
from analytics_service.rounding import ROUND_HALF_AWAY

T = TypeVar("T")

# Groups of rows small enough that a table of some ten thousand rows is read by several threads; without compression,
# which costs more than the disk that it saves here.
_FORMAT = "FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE 30720, RETURN_STATS"
# Beyond it a query that spills is given up.
_MOST_SPILLED = "8GB"
_NICENESS = 5
# So long a caller whose time is over waits for its query to end, so that a file half written is there no more.
_STOP_SECONDS = 0.5


class DuckDbEngine:
    """A query engine whose queries read and write one folder and nothing else."""

    def __init__(self, folder: Path, *, memory_limit: str, threads: int, concurrency: int, timeout: float) -> None:
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="duckdb", initializer=_step_back)
        # One tenant's heavy queries leave half of the threads to the others.
        self._turns = FairTurns("query", concurrency)
        self._stopping: set[asyncio.Task[None]] = set()
        # In a thread of the pool, whose priority DuckDB's own threads inherit.
        self._connection = self._pool.submit(_open, folder, memory_limit, threads).result()

    async def rows(self, query: Query) -> list[Row]:
        def read(cursor: duckdb.DuckDBPyConnection) -> list[Row]:
            answer = cursor.execute(query.sql, dict(query.parameters))
            names, most = [column[0] for column in answer.description or ()], query.most_rows
            found = answer.fetchall() if most is None else answer.fetchmany(most + 1)
            query.check(found)
            return [dict(zip(names, row, strict=True)) for row in found]

        return await self._run(query, read)

    async def write(self, query: Query, target: Path) -> Mapping[str, str]:
        def copy(cursor: duckdb.DuckDBPyConnection) -> Mapping[str, str]:
            cursor.execute(f"COPY ({query.sql}) TO {text_of(target)} ({_FORMAT})", dict(query.parameters))
            names, (written,) = [column[0] for column in cursor.description or ()], cursor.fetchall()
            columns: Mapping[str, Mapping[str, str]] = written[names.index("column_statistics")]
            return {name.strip('"'): about["max"] for name, about in columns.items() if "max" in about}

        return await self._run(query, copy)

    async def close(self) -> None:
        self._connection.interrupt()
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        await asyncio.gather(*self._stopping, return_exceptions=True)
        self._connection.close()

    async def _run(self, query: Query, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        async with contextlib.AsyncExitStack() as turn:
            await turn.enter_async_context(self._turns.turn(query.owner))
            cursor, seconds = self._connection.cursor(), query.seconds or self._timeout
            running = asyncio.wrap_future(self._pool.submit(_on_tables, cursor, query, work))
            try:
                await asyncio.wait([running], timeout=seconds)
                if not running.done():
                    raise DeadlineExceeded("QUERY_TIMEOUT", f"The query took longer than {seconds:g} seconds.")
                return running.result()
            finally:
                # Whoever stops waiting, by time or because the call is gone, stops the query too. It may not hear of
                # that for long, and nobody waits for it then; but the turn is its own until it has really ended.
                if not running.done():
                    stopping = asyncio.create_task(_stop(cursor, running, turn.pop_all()))
                    self._stopping.add(stopping)
                    stopping.add_done_callback(self._stopping.discard)
                    await asyncio.wait([stopping], timeout=_STOP_SECONDS)


async def _stop(cursor: duckdb.DuckDBPyConnection, running: asyncio.Future[T], turn: contextlib.AsyncExitStack) -> None:
    async with turn:
        while not running.done():
            # It may have closed its cursor just now.
            with contextlib.suppress(duckdb.ConnectionException):
                cursor.interrupt()
            await asyncio.wait([running], timeout=0.05)
        # Nobody asks for it any more.
        if not running.cancelled():
            running.exception()


def _open(folder: Path, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    # The system keeps these files in memory: other threads to wait for them, and a second copy, only cost.
    near = {"async_threads": 0, "enable_external_file_cache": False}
    connection = duckdb.connect(":memory:", config={"threads": threads, "memory_limit": memory_limit, **near})
    connection.execute(f"CREATE MACRO round_half_away(value, digits) AS {ROUND_HALF_AWAY}")
    # Last the sandbox: after it no setting can be changed and no other file be reached.
    for setting in (
        f"temp_directory = {text_of(folder / 'spill')}",
        f"max_temp_directory_size = '{_MOST_SPILLED}'",
        "TimeZone = 'UTC'",
        "preserve_insertion_order = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        f"allowed_directories = [{text_of(folder)}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def _step_back() -> None:
    """Lets whoever answers from what is kept go before: a query takes what the others leave."""
    if sys.platform == "linux":
        # There a thread has a priority of its own, and 0 means the one that asks.
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)


def _on_tables(cursor: duckdb.DuckDBPyConnection, query: Query, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    try:
        for name, source in query.tables.items():
            cursor.execute(f'CREATE TEMP VIEW "{name}" AS {_select(source)}')
        return work(cursor)
    except duckdb.OutOfMemoryException as error:
        raise Unavailable("QUERY_TOO_LARGE", "The query needs more memory than it may have.") from error
    except duckdb.IOException as error:
        if "No space left" in str(error):
            raise Unavailable("QUERY_STORAGE_FULL", "There is no room left to work in.", retry_after=30) from error
        raise QueryFailed(str(error)) from error
    except duckdb.Error as error:
        raise QueryFailed(str(error)) from error
    finally:
        cursor.close()


def _select(source: Source) -> str:
    files = ", ".join(text_of(file) for file in source.files)
    renamed = "".join(f', "{old}" AS "{new}"' for new, old in source.renamed.items())
    return f"SELECT *{renamed} FROM read_parquet([{files}], hive_partitioning = false)"  # noqa: S608


def text_of(value: object) -> str:
    """A text, or the name of a file, as SQL writes it."""
    return "'" + str(value).replace("'", "''") + "'"
