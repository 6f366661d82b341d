"""Asks for a page over HTTP, by a port or a unix socket.

With the standard library alone: the runner's own start counts too, and an HTTP client takes a quarter of it.
"""

import http.client
import socket
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 2.0


class UnixConnection(http.client.HTTPConnection):
    """An HTTP connection to a unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(connection: http.client.HTTPConnection, target: str, method: str = "GET") -> tuple[int, str]:
    """The status and the text of a page; 0 where nobody answers."""
    try:
        connection.request(method, target)
        reply = connection.getresponse()
        return reply.status, reply.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def answers(url: str, seconds: float = SECONDS) -> bool:
    """Whether the address answers 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=seconds)
    return ask(connection, parts.path or "/")[0] == http.client.OK


def socket_answers(path: Path, target: str, seconds: float = SECONDS) -> bool:
    """Whether a page behind a unix socket answers 200."""
    return ask(UnixConnection(path, seconds), target)[0] == http.client.OK
