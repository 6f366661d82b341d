"""What one does to a suite that runs already: stop it, look at it, load the demo, take a service's settings."""

import os
import shlex
import signal
import time

from local_suite import demo_load, lock, pages, state
from local_suite.environment import service_environment
from local_suite.errors import NotRunning, SuiteError
from local_suite.home import Home
from local_suite.screen import Screen

STOP_SECONDS = 60.0


def down(home: Home, screen: Screen) -> int:
    """Asks the runner to stop and returns when everything has ended."""
    runner = lock.holder(home)
    if runner is None:
        screen.line(f"No suite runs on {home.path}.")
        return 0
    os.kill(runner, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while lock.holder(home) is not None:
        if time.monotonic() > deadline:
            raise SuiteError(f"The runner (process {runner}) did not stop within {STOP_SECONDS:.0f} s.")
        time.sleep(0.1)
    screen.line("The suite has stopped.")
    return 0


def status(home: Home, screen: Screen) -> int:
    """Shows what runs; exit code 0 when all of it runs, 1 when a part does not."""
    current = _running(home)
    screen.suite(home, current)
    screen.memory(current)
    screen.logins(home)
    return 0 if current.ready and all(each.state == "running" for each in current.processes) else 1


def demo(home: Home, screen: Screen) -> int:
    """Loads the demo data into the running suite and shows the log-ins."""
    current = _running(home)
    if not pages.answers(f"{current.url}/health", seconds=10):
        raise NotRunning(f"The suite at {current.url} does not answer yet.")
    code = demo_load.load_in_foreground(home)
    if code == 0:
        screen.logins(home)
    return code


def env(home: Home, service: str) -> int:
    """Prints a service's settings for a shell, for example to run its operator's commands."""
    home.prepare()
    for name, value in sorted(service_environment(home, service).items()):
        if name not in os.environ or os.environ[name] != value:
            print(f"export {name}={shlex.quote(value)}")
    return 0


def _running(home: Home) -> state.SuiteState:
    current = state.read(home)
    if lock.holder(home) is None or current is None:
        raise NotRunning(f"No suite runs on {home.path}; make up starts it.")
    return current
