"""A stand-in for Athena's API, as boto3 speaks it: queries wait, run on an engine, and leave their CSV on S3."""

from __future__ import annotations

import atexit
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from uuid import uuid4

from support import s3

# As many rows as Athena gives at once, the first being the names.
_PAGE = 1000


@dataclass(frozen=True)
class Column:
    """A column of an answer, with its type as Athena calls it."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Result:
    """An answer as texts."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | None]]
    bytes_scanned: int


class QueryError(Exception):
    """The engine's own words on why it could not."""


class Backend(Protocol):
    """What runs the queries: Trino, or DuckDB where Trino is not there."""

    def run(self, text: str, parameters: Sequence[str], database: str) -> Result:
        """Runs a query in Athena's dialect, its `?` bound to SQL constants; raises QueryError."""
        ...


@dataclass
class Run:
    """One query that was started."""

    request: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid4()))
    state: str = "QUEUED"
    reason: str = ""
    result: Result | None = None
    looks: int = 0
    reused: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def file(self) -> str:
        return f"{self.request['ResultConfiguration']['OutputLocation']}{self.id}.csv"


class AthenaServer:
    """Answers the calls that the engine makes, and misbehaves as a test asks."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._lock = threading.Lock()
        self.reset()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        atexit.register(server.shutdown)
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_address[1]}"

    def reset(self) -> None:
        """Forgets what was run, and behaves again."""
        self.runs: list[Run] = []
        self.stopped: list[str] = []
        self.workgroup: dict[str, Any] = {"EnforceWorkGroupConfiguration": False}
        self.workgroup_state = "ENABLED"
        # Calls that are still to be throttled, or refused, and looks at which a query still waits or runs.
        self.throttled = 0
        self.refused = 0
        self.looks_before_end = 1
        # A query with this word in its text never ends by itself.
        self.endless = "never_ends"
        self.fails_with = ""
        self.starts_not = ""

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            if self.throttled:
                self.throttled -= 1
                return _refusal("ThrottlingException", "Rate exceeded")
            if self.refused:
                self.refused -= 1
                return _refusal("AccessDeniedException", "User: arn:aws:iam::1:user/secret is not authorized")
        known = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._look,
            "StopQueryExecution": self._stop,
            "GetQueryResults": self._results,
            "GetWorkGroup": self._workgroup,
            "UpdateWorkGroup": self._update,
        }
        return known[operation](request)

    def _start(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.starts_not:
            return _refusal("InvalidRequestException", self.starts_not)
        with self._lock:
            for run in self.runs:
                if run.request["ClientRequestToken"] == request["ClientRequestToken"]:
                    return 200, {"QueryExecutionId": run.id}
            run = Run(request)
            self._reuse(run)
            self.runs.append(run)
        if not run.reused:
            threading.Thread(target=self._execute, args=(run,), daemon=True).start()
        return 200, {"QueryExecutionId": run.id}

    def _reuse(self, run: Run) -> None:
        """As Athena does for the same text, parameters and database, within the age that the caller takes."""
        asked = run.request.get("ResultReuseConfiguration", {}).get("ResultReuseByAgeConfiguration", {})
        same = ("QueryString", "ExecutionParameters", "QueryExecutionContext")
        for earlier in self.runs if asked.get("Enabled") else ():
            alike = all(earlier.request.get(name) == run.request.get(name) for name in same)
            if alike and earlier.state == "SUCCEEDED" and earlier.result is not None:
                run.result, run.reused = earlier.result, True
                run.result = Result(earlier.result.columns, earlier.result.rows, 0)
                self._leave(run)
                run.ended.set()

    def _execute(self, run: Run) -> None:
        request = run.request
        if self.endless in request["QueryString"]:
            return
        try:
            if self.fails_with:
                raise QueryError(self.fails_with)
            parameters = request.get("ExecutionParameters", [])
            run.result = self.backend.run(
                request["QueryString"], parameters, request["QueryExecutionContext"]["Database"]
            )
            limit = self.workgroup.get("BytesScannedCutoffPerQuery")
            if limit is not None and run.result.bytes_scanned > limit:
                run.reason = f"Bytes scanned limit was exceeded: {limit}"
            else:
                self._leave(run)
        except QueryError as error:
            run.reason = str(error)
        finally:
            run.ended.set()

    def _leave(self, run: Run) -> None:
        """Leaves the CSV file: every value in quotes, NULL nothing at all."""
        assert run.result is not None
        lines = [[column.name for column in run.result.columns], *run.result.rows]
        cells = (",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row) for row in lines)
        bucket, _, key = run.file.removeprefix("s3://").partition("/")
        s3.client().put_object(Bucket=bucket, Key=key, Body="".join(f"{line}\n" for line in cells).encode())

    def _look(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        run = self._run(request)
        run.looks += 1
        if run.state in ("QUEUED", "RUNNING"):
            run.state = "RUNNING"
            if run.looks > self.looks_before_end and run.ended.is_set():
                run.state = "SUCCEEDED" if not run.reason else "FAILED"
                if "Bytes scanned limit" in run.reason:
                    run.state = "CANCELLED"
        scanned = run.result.bytes_scanned if run.result is not None else 0
        return 200, {
            "QueryExecution": {
                "QueryExecutionId": run.id,
                "Query": run.request["QueryString"],
                "ResultConfiguration": {"OutputLocation": run.file},
                "Status": {"State": run.state, "StateChangeReason": run.reason},
                "Statistics": {
                    "DataScannedInBytes": scanned,
                    "EngineExecutionTimeInMillis": 7,
                    "QueryQueueTimeInMillis": 3,
                    "ResultReuseInformation": {"ReusedPreviousResult": run.reused},
                },
            }
        }

    def _stop(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        run = self._run(request)
        run.state, run.reason = "CANCELLED", "Query cancelled by user"
        self.stopped.append(run.id)
        return 200, {}

    def _results(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        result = self._run(request).result
        assert result is not None
        most, start = request.get("MaxResults", _PAGE), int(request.get("NextToken", 0))
        lines = [[column.name for column in result.columns], *result.rows]
        page: dict[str, Any] = {
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]}
                    for row in lines[start : start + most]
                ],
                "ResultSetMetadata": {
                    "ColumnInfo": [
                        {"Name": c.name, "Type": c.type, "Precision": c.precision, "Scale": c.scale}
                        for c in result.columns
                    ]
                },
            }
        }
        if start + most < len(lines):
            page["NextToken"] = str(start + most)
        return 200, page

    def _workgroup(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if request["WorkGroup"] != "primary":
            return _refusal("InvalidRequestException", "WorkGroup is not found.")
        group = {"Name": "primary", "State": self.workgroup_state, "Configuration": self.workgroup}
        return 200, {"WorkGroup": group}

    def _update(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.workgroup |= request["ConfigurationUpdates"]
        return 200, {}

    def _run(self, request: dict[str, Any]) -> Run:
        return next(run for run in self.runs if run.id == request["QueryExecutionId"])

    def wait_for_run(self) -> None:
        """Waits until a query was started."""
        _wait(lambda: bool(self.runs))

    def wait_for_stop(self) -> None:
        """Waits until a query was stopped."""
        _wait(lambda: bool(self.stopped))


def _wait(there: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not there() and time.monotonic() < until:
        time.sleep(0.01)


def _refusal(code: str, message: str) -> tuple[int, dict[str, Any]]:
    return 400, {"__type": code, "message": message}


def _handler(server: AthenaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            operation = self.headers["X-Amz-Target"].partition(".")[2]
            status, reply = server.answer(operation, request)
            body = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Says nothing."""

    return Handler
