"""A suite of its own beside the first: a killed runner stops nothing for good, and a stopped one leaves nothing."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from local_suite.postgres_remains import end_server
from support.running_suite import RunningSuite, wait_until

pytestmark = pytest.mark.slow

PASSWORD = "faro-en-la-sierra-31"
PEOPLE: list[dict[str, Any]] = [
    {
        "name": "Second Suite",
        "users": [{"username": "second", "email": "second@faults.example", "role": "viewer", "password": PASSWORD}],
    }
]


@pytest.fixture(scope="module")
def second(suite: RunningSuite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """Another suite, started while the first one runs."""
    second = RunningSuite.fresh(tmp_path_factory.mktemp("second") / "home")
    try:
        second.start()
        yield second
    finally:
        second.stop()
        end_server(second.home.postgres)


def run_up(suite: RunningSuite, **environment: str) -> subprocess.CompletedProcess[str]:
    address = {"ATALAYA_HOME": str(suite.home.path), "ATALAYA_PORT": str(suite.home.port)}
    command = [sys.executable, "-m", "local_suite", "up"]
    return subprocess.run(
        command, env=os.environ | address | environment, capture_output=True, text=True, check=False, timeout=120
    )


def may_log_in(suite: RunningSuite) -> bool:
    with suite.client() as client:
        return client.post("/auth/login", json={"username": "second", "password": PASSWORD}).status_code == 200


def test_two_suites_share_nothing(suite: RunningSuite, second: RunningSuite) -> None:
    second.provision(PEOPLE)
    assert may_log_in(second)
    assert not may_log_in(suite)


def test_second_runner_on_one_home_is_turned_away(second: RunningSuite) -> None:
    done = run_up(second)
    assert done.returncode == 6
    assert done.stderr.startswith(f"A suite runs on {second.home.path} already (process ")
    assert len(done.stderr.splitlines()) == 1


def test_taken_port_is_named_with_who_listens(second: RunningSuite, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = RunningSuite.fresh(tmp_path_factory.mktemp("other") / "home")
    done = run_up(other, ATALAYA_PORT=str(second.home.port))
    assert done.returncode == 3
    assert done.stderr.startswith(f"Port {second.home.port} is taken by envoy (process ")


def test_killed_runner_takes_everything_with_it_and_starts_again(second: RunningSuite) -> None:
    second.kill_runner()
    wait_until(lambda: not second.processes(), 120, f"left behind: {second.processes()}")
    second.start()
    assert may_log_in(second)


def test_status_names_every_process_and_its_memory(second: RunningSuite) -> None:
    environment = os.environ | {"ATALAYA_HOME": str(second.home.path), "ATALAYA_PORT": str(second.home.port)}
    command = [sys.executable, "-m", "local_suite", "status"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(process.name in done.stdout for process in second.state.processes)
    assert "PSS in MB" in done.stdout


def test_sigterm_leaves_no_process_and_frees_the_port(second: RunningSuite) -> None:
    assert second.stop() == 0
    assert second.processes() == []
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", second.home.port))
