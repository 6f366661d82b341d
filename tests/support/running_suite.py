"""A whole suite started by the real runner, as a test sees it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from local_suite import state
from local_suite.checks import free_ports
from local_suite.environment import MARK, service_environment
from local_suite.home import Home
from local_suite.state import ProcessState, SuiteState

START_SECONDS = 300
STOP_SECONDS = 120
# Tests ask much in a minute; those of the limits set their own.
NO_LIMITS = {f"RATE_LIMIT_PER_{window}": "0" for window in ("MINUTE", "HOUR", "DAY")}

# A suite that many tests share is asked for many wrong passwords from one source, and for many at once.
COUNTED = ("LOGIN_FAILURES", "SOURCE_FAILURES", "REGISTRATIONS", "RESET_MAILS", "RESET_MAILS_OF_SOURCE")
NO_DELAYS = {"PASSWORD_HASH_QUEUE": "500", **{f"{what}_BEFORE_DELAY": "0" for what in COUNTED}}


@dataclass
class RunningSuite:
    """One suite with its runner's process; everything it knows it learns from outside."""

    home: Home
    runner: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, folder: Path, **environment: str) -> "RunningSuite":
        """A suite of its own in an empty folder, on a free port, without the demo; not started yet."""
        return cls(Home(folder, free_ports(1)[0]), environment={"DEMO": "0", **NO_LIMITS, **environment})

    @property
    def url(self) -> str:
        return self.home.url

    def start(self) -> None:
        """Starts the runner and returns when the suite is ready."""
        address = {"ATALAYA_HOME": str(self.home.path), "ATALAYA_PORT": str(self.home.port)}
        with self.output.open("wb") as output:
            self.runner = subprocess.Popen(
                [sys.executable, "-m", "local_suite", "up"],
                env=os.environ | address | self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: self._is_ready(), START_SECONDS, f"the suite is not ready: {self.output}")

    def stop(self) -> int:
        """Asks the runner to stop; gives its exit code."""
        if self.runner is None:
            return 0
        if self.runner.poll() is None:
            self.runner.send_signal(signal.SIGTERM)
        return self.runner.wait(STOP_SECONDS)

    def kill_runner(self) -> None:
        """Ends the runner as violently as there is."""
        assert self.runner is not None
        self.runner.kill()
        self.runner.wait()

    @property
    def output(self) -> Path:
        """What the runner wrote to its terminal."""
        return self.home.path.with_name(self.home.path.name + ".out")

    @property
    def state(self) -> SuiteState:
        found = state.read(self.home)
        assert found is not None, f"no state in {self.home.run}"
        return found

    def process(self, name: str) -> ProcessState:
        """One of the suite's processes."""
        return next(each for each in self.state.processes if each.name == name)

    def processes(self) -> list[psutil.Process]:
        """All living processes of this suite but the runner, also those that it has lost sight of."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def provision(self, tenants: list[dict[str, Any]]) -> dict[str, Any]:
        """Makes tenants and users by auth's operator command; gives their ids and a token for each tenant."""
        done = subprocess.run(
            [sys.executable, "-m", "auth_service", "provision"],
            env=service_environment(self.home, "auth"),
            input=json.dumps({"tenants": tenants}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def client(self, token: str = "") -> httpx.Client:
        """An HTTP client of the gateway, with a token where one is given."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def log_in(self, username: str, password: str) -> httpx.Client:
        """A client of a user's own."""
        with self.client() as client:
            reply = client.post("/auth/login", json={"username": username, "password": password})
        assert reply.status_code == httpx.codes.OK, reply.text
        return self.client(reply.json()["access_token"])

    def _is_ready(self) -> bool:
        assert self.runner is not None
        assert self.runner.poll() is None, self.output.read_text()
        found = state.read(self.home)
        return found is not None and found.runner == self.runner.pid and found.ready

    def _owns(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return process.environ().get(MARK) == str(self.home.path) or str(self.home.postgres) in process.cmdline()
        except (psutil.Error, OSError):
            return False


@contextmanager
def running_suite(folder: Path, **environment: str) -> Iterator[RunningSuite]:
    """A suite of its own in an empty folder, running until the block ends."""
    suite = RunningSuite.fresh(folder, **environment)
    try:
        suite.start()
        yield suite
    finally:
        suite.stop()


class LightLoad:
    """Asks the same thing a few times a second while a test does something else, and keeps the statuses."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        self.statuses: list[int] = []
        self._client = client
        self._path = path
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "LightLoad":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.05):
            try:
                self.statuses.append(self._client.get(self._path).status_code)
            except httpx.TransportError:
                self.statuses.append(0)


def wait_until(check: Callable[[], bool], seconds: float, sentence: str) -> float:
    """Waits until the check holds and gives the seconds it took; fails with the sentence when it does not."""
    began = time.monotonic()
    while not check():
        assert time.monotonic() - began < seconds, sentence
        time.sleep(0.05)
    return time.monotonic() - began
