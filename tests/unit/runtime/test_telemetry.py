"""Logs, traces and metrics of a real process tell what happened, and no secret."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support.workers import TESTS

TRACE = "0af7651916cd43dd8448eb211c80319c"
TENANT = str(uuid4())


@dataclass(frozen=True)
class Told:
    lines: list[dict[str, Any]]
    spans: list[dict[str, Any]]
    page: str
    everything: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("told")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        metrics = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "LISTEN_ADDRESS": f"unix:{folder}/s",
        "METRICS_ADDRESS": metrics,
        "TRACES_FILE": str(folder / "traces" / "sample.jsonl"),
        "TENANT": TENANT,
    }
    done = subprocess.run(
        [sys.executable, "-m", "support.sample_service.telling"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    spans = (folder / "traces" / "sample.jsonl").read_text()
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    return Told(
        lines, [json.loads(line) for line in spans.splitlines()], done.stdout, done.stderr + done.stdout + spans
    )


def test_each_line_is_json_with_trace_request_and_tenant(told: Told) -> None:
    line = next(line for line in told.lines if line["event"] == "told" and line["word"] == "outer")
    assert (line["trace_id"], line["request_id"], line["tenant_id"]) == (TRACE, "my-request", TENANT)
    assert (line["service"], line["level"]) == ("sample", "warning")


def test_a_call_that_failed_has_one_line_with_its_code(told: Told) -> None:
    calls = [(line["code"], line["reason"]) for line in told.lines if line["event"] == "call"]
    assert calls == [("INTERNAL", "INTERNAL")]


def test_the_unforeseen_is_logged_with_where_it_happened(told: Told) -> None:
    [line] = [line for line in told.lines if line["level"] == "error"]
    assert "broken inside" in line["exception"]
    assert line["trace_id"] == TRACE


def test_no_secret_is_told(told: Told) -> None:
    assert "hunter2" not in told.everything
    assert "eyJ" not in told.everything


def test_a_call_and_the_call_behind_it_are_one_trace(told: Told) -> None:
    served = [span for span in told.spans if span["kind"] == "SERVER"]
    assert len(served) == 3
    assert {span["trace_id"] for span in served} == {TRACE}
    inner, outer = served[0], served[1]
    assert inner["parent_id"] == outer["span_id"]
    assert outer["attributes"]["atalaya.tenant_id"] == TENANT
    assert (outer["service"], outer["status"]) == ("sample", "UNSET")


def test_the_metrics_page_counts_calls_by_code(told: Told) -> None:
    method = "/sample.v1.SampleService/GetOne"
    assert f'atalaya_rpc_total{{code="OK",method="{method}"}} 2.0' in told.page
    assert f'atalaya_rpc_total{{code="INTERNAL",method="{method}"}} 1.0' in told.page
    assert f'atalaya_rpc_seconds_count{{method="{method}"}} 3.0' in told.page


def test_the_traces_file_is_only_for_its_owner(told: Told, tmp_path: Path) -> None:
    from service_runtime.telemetry.span_file import SpanFile

    SpanFile(str(tmp_path / "traces.jsonl")).shutdown()
    assert (tmp_path / "traces.jsonl").stat().st_mode & 0o077 == 0
