"""Athena as the query engine: the reports' own texts over the tables beside the lake, within time, bytes and money."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from service_runtime.errors import DeadlineExceeded, ServiceError, Unavailable

from analytics_service import athena_results
from analytics_service.athena_tables import AthenaTables
from analytics_service.athena_workgroup import Workgroup
from analytics_service.aws_calls import AwsCalls, Refused
from analytics_service.dialect import Translation, translate
from analytics_service.fair_turns import FairTurns
from analytics_service.query_cost import QueryCost, price, tell
from analytics_service.query_engine import Query, QueryEngine, QueryFailed, Row

T = TypeVar("T")

_FIRST_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class AthenaOptions:
    """How queries run; `output` gives where a tenant's results go, `longest_poll` bounds the pauses between looks."""

    catalog: str
    database: str
    output: Callable[[UUID], str]
    reuse_minutes: int
    timeout: float
    longest_poll: float
    price_per_terabyte: float


class AthenaEngine:
    """Runs queries over datasets on Athena; what is computed from them, such as RFM's table, stays with `near`."""

    def __init__(
        self,
        aws: AwsCalls,
        tables: AthenaTables,
        workgroup: Workgroup,
        near: QueryEngine,
        options: AthenaOptions,
        turns: FairTurns,
        folder: Path,
    ) -> None:
        self._aws, self._tables, self._workgroup, self._near = aws, tables, workgroup, near
        self._options, self._turns, self._folder = options, turns, folder
        self._stopping: set[asyncio.Task[None]] = set()

    async def rows(self, query: Query) -> list[Row]:
        async def read(execution: Mapping[str, Any]) -> list[Row]:
            page = await self._aws.call(
                self._aws.athena.get_query_results, QueryExecutionId=execution["QueryExecutionId"]
            )
            columns = athena_results.columns_of(page)
            if "NextToken" in page:
                # Page after page would be a call for every thousand rows.
                async with self._fetched(execution) as file:
                    rows = await self._aws.run(partial(athena_results.csv_rows, file, columns, query.most_rows))
            else:
                rows = athena_results.rows_of(page, columns)
            query.check(rows)
            return rows

        return await (self._run(query, read) if _is_far(query) else self._near.rows(query))

    async def write(self, query: Query, target: Path) -> Mapping[str, str]:
        async def copy(execution: Mapping[str, Any]) -> Mapping[str, str]:
            results, run = self._aws.athena.get_query_results, execution["QueryExecutionId"]
            columns = athena_results.columns_of(await self._aws.call(results, QueryExecutionId=run, MaxResults=1))
            async with self._fetched(execution) as file:
                await self._aws.run(partial(athena_results.csv_to_parquet, file, columns, target))
            return {}

        return await (self._run(query, copy) if _is_far(query) else self._near.write(query, target))

    async def close(self) -> None:
        """Stops what still runs and closes the clients."""
        await asyncio.gather(*self._stopping, return_exceptions=True)
        await self._aws.close()

    async def _run(self, query: Query, read: Callable[[Mapping[str, Any]], Awaitable[T]]) -> T:
        translation = translate(query.sql, tuple(query.tables))
        async with self._turns.turn(query.owner):
            await self._workgroup.check()
            try:
                return await self._attempt(query, translation, read)
            except _TableGone:
                self._tables.forget(query.owner, query.tables.values())
            try:
                return await self._attempt(query, translation, read)
            except _TableGone as error:
                # Just published, so what is missing is something else, or somebody drops them again and again.
                raise _away() from error

    async def _attempt(
        self, query: Query, translation: Translation, read: Callable[[Mapping[str, Any]], Awaitable[T]]
    ) -> T:
        places = {name: await self._tables.place(query.owner, source) for name, source in query.tables.items()}
        text = translation.over(places)
        parameters = [literal(query.parameters[name]) for name in translation.parameters]
        try:
            async with asyncio.timeout(self._options.timeout):
                return await read(await self._execute(UUID(query.owner), text, parameters))
        except TimeoutError:
            message = f"The query took longer than {self._options.timeout:g} seconds."
            raise DeadlineExceeded("QUERY_TIMEOUT", message) from None

    async def _execute(self, tenant_id: UUID, text: str, parameters: list[str]) -> Mapping[str, Any]:
        starting = asyncio.ensure_future(self._start(tenant_id, text, parameters))
        ended = False
        try:
            run = await asyncio.shield(starting)
            execution = await self._ended(run)
            ended = True
        finally:
            # Whoever stops waiting, by time or because the call is gone, stops the query too.
            if not ended:
                stopping = asyncio.create_task(self._stop(starting))
                self._stopping.add(stopping)
                stopping.add_done_callback(self._stopping.discard)
        self._tell(tenant_id, execution)
        state = execution["Status"]
        if state["State"] != "SUCCEEDED":
            raise _failure(state)
        return execution

    async def _start(self, tenant_id: UUID, text: str, parameters: list[str]) -> str:
        options = self._options
        optional: dict[str, Any] = {"ExecutionParameters": parameters} if parameters else {}
        if options.reuse_minutes:
            # A version of the data has tables of its own, so what is reused is never out of date.
            reuse = {"Enabled": True, "MaxAgeInMinutes": options.reuse_minutes}
            optional["ResultReuseConfiguration"] = {"ResultReuseByAgeConfiguration": reuse}
        try:
            started = await self._aws.call(
                self._aws.athena.start_query_execution,
                known=("InvalidRequestException",),
                QueryString=text,
                # The same for each try, so that one query is run however often it is asked for.
                ClientRequestToken=uuid4().hex,
                QueryExecutionContext={"Catalog": options.catalog, "Database": options.database},
                ResultConfiguration={"OutputLocation": options.output(tenant_id)},
                WorkGroup=self._workgroup.name,
                **optional,
            )
        except Refused as error:
            if any(word in error.message.lower() for word in ("output", "bucket", "denied", "permission")):
                raise _away() from error
            raise QueryFailed(error.message) from error
        run: str = started["QueryExecutionId"]
        return run

    async def _ended(self, run: str) -> Mapping[str, Any]:
        pause = _FIRST_POLL_SECONDS
        while True:
            get = self._aws.athena.get_query_execution
            execution: Mapping[str, Any] = (await self._aws.call(get, QueryExecutionId=run))["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
            await asyncio.sleep(min(pause, self._options.longest_poll))
            pause *= 1.5

    async def _stop(self, starting: asyncio.Future[str]) -> None:
        with contextlib.suppress(ServiceError, QueryFailed, Refused):
            run = await starting
            stop = self._aws.athena.stop_query_execution
            await self._aws.call(stop, known=("InvalidRequestException",), QueryExecutionId=run)

    def _tell(self, tenant_id: UUID, execution: Mapping[str, Any]) -> None:
        figures = execution.get("Statistics", {})
        scanned, engine_ms = figures.get("DataScannedInBytes", 0), figures.get("EngineExecutionTimeInMillis", 0)
        tell(
            QueryCost(scanned, engine_ms, price(scanned, self._options.price_per_terabyte)),
            engine="athena",
            tenant_id=str(tenant_id),
            query_id=execution["QueryExecutionId"],
            state=execution["Status"]["State"],
            queued_ms=figures.get("QueryQueueTimeInMillis", 0),
            reused=figures.get("ResultReuseInformation", {}).get("ReusedPreviousResult", False),
        )

    @contextlib.asynccontextmanager
    async def _fetched(self, execution: Mapping[str, Any]) -> AsyncIterator[Path]:
        """The file that the query left, copied whole."""
        bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
        file = self._folder / f"{uuid4().hex}.csv"
        try:
            await self._aws.call(self._aws.s3.download_file, Bucket=bucket, Key=key, Filename=str(file))
            yield file
        finally:
            file.unlink(missing_ok=True)


class _TableGone(Exception):
    """A table that was published is no longer there."""


def literal(value: object) -> str:
    """A parameter as Athena takes it: a constant in SQL, bound to its place and never part of the text."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"DOUBLE '{value!r}'"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.isoformat(' ', 'microseconds')}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"a parameter cannot be a {type(value).__name__}")


def _is_far(query: Query) -> bool:
    return bool(query.tables) and all(source.version for source in query.tables.values())


def _failure(status: Mapping[str, Any]) -> Exception:
    reason = str(status.get("StateChangeReason", ""))
    said = reason.lower()
    if "bytes scanned limit" in said or "exhausted resources" in said:
        return Unavailable("QUERY_TOO_LARGE", "The query would read more than it may.")
    if "query timeout" in said:
        return DeadlineExceeded("QUERY_TIMEOUT", "The query took longer than it may.")
    if "table_not_found" in said or "does not exist" in said or "nosuchkey" in said:
        return _TableGone(reason)
    # A system's error, a refusal of S3 or Glue, or an operator who stopped it: none is the query's own fault.
    category = status.get("AthenaError", {}).get("ErrorCategory")
    if category == 1 or "denied" in said or "slow down" in said or status["State"] == "CANCELLED":
        return _away()
    return QueryFailed(reason)


def _away() -> Unavailable:
    return Unavailable("LAKE_UNAVAILABLE", "The lake's query engine could not run the query.", retry_after=5)
