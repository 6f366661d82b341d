"""A database server of this machine that outlives the command which starts it."""

import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import psutil

from local_suite.errors import SuiteError

STOP_SECONDS = 30.0


class CannotBeHad(SuiteError):
    """This machine has not what a server needs; the text says what."""


class DatabaseServer(ABC):
    """One server over a folder, on one port of 127.0.0.1."""

    name: str
    start_seconds = 60.0

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder.absolute()
        self.port = port
        self._started: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @abstractmethod
    def prepare(self) -> None:
        """Makes what the server needs the first time; raises CannotBeHad where this machine cannot run it."""

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Gives the server's command line."""

    @abstractmethod
    def answers(self) -> bool:
        """Tells whether it takes log-ins."""

    def user(self) -> int:
        """Gives the user it runs as; 0 for the own one."""
        return 0

    def start(self) -> None:
        """Starts it, where it does not run yet, and returns when it answers."""
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        if self.running() is None:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    raise CannotBeHad(f"{self.name}: port {self.port} is taken by another program.")
            self.prepare()
            self._spawn()
        self._wait()

    def stop(self) -> bool:
        """Stops it in order; tells whether it ran."""
        process = self.running()
        if process is None:
            return False
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        if self._started is not None:
            self._started.poll()
        self._pid_file.unlink(missing_ok=True)
        return True

    def running(self) -> psutil.Process | None:
        """Gives its process; one that merely has its number is none."""
        try:
            pid, created = self._pid_file.read_text().split()
            process = psutil.Process(int(pid))
            alive = str(process.create_time()) == created and process.status() != psutil.STATUS_ZOMBIE
            return process if alive else None
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None

    @property
    def _pid_file(self) -> Path:
        return self.folder / "server.pid"

    def _spawn(self) -> None:
        # As root some servers refuse to run; the others do without the detour.
        drop = {"user": self.user(), "group": self.user(), "extra_groups": []} if self.user() else {}
        with self.log.open("ab") as output:
            started = self._started = subprocess.Popen(
                [str(word) for word in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
                **drop,  # type: ignore[call-overload]
            )
        self._pid_file.write_text(f"{started.pid} {psutil.Process(started.pid).create_time()}")

    def _wait(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not self.answers():
            if self.running() is None or time.monotonic() > deadline:
                self.stop()
                raise CannotBeHad(f"{self.name} does not start; {self.log} says why.")
            time.sleep(0.1)


def run_tool(name: str, *words: str | Path, user: int = 0) -> None:
    """Runs a server's set-up tool to its end."""
    drop = {"user": user, "group": user, "extra_groups": []} if user else {}
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **drop,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise CannotBeHad(f"{name} cannot be set up: {(done.stderr or done.stdout).strip()[-500:]}")


def is_root() -> bool:
    return os.geteuid() == 0
