"""The peer of an import: FastAPI and SQLAlchemy as their users write it, with a PostgreSQL of its own."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from gateway_echo import free_port

PIECE = 1 << 20


@dataclass(frozen=True)
class Peer:
    """A peer that runs: where it listens, its process, its database."""

    url: str
    pid: int
    database: str


@contextmanager
def running_peer(peers: Path) -> Iterator[Peer]:
    """Starts `ingest` by the peers' own script, which brings what it needs, and stops it in the end."""
    port = _three_free_ports()
    script = subprocess.Popen(
        # Beside a command the script leaves nothing behind when it is told to end.
        [str(peers / "run_peer.sh"), "ingest", "--", "sleep", "86400"],
        env={**os.environ, "PORT": str(port), "SCALE": "0.1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        told = _told(script)
        database = f"postgresql://postgres@127.0.0.1:{port + 2}/postgres"
        yield Peer(told["BASE_URL"], int(told["PEER_PID"]), database)
    finally:
        script.terminate()
        script.wait(60)


def _told(script: subprocess.Popen[str]) -> dict[str, str]:
    for line in script.stdout or ():
        if line.startswith("BASE_URL="):
            return dict(re.findall(r"(\w+)=(\S+)", line))
    raise RuntimeError(f"the peer did not start: {script.wait()}")


def _three_free_ports() -> int:
    """Gives the first of three: the script takes the two behind it for its databases."""
    while True:
        port = free_port()
        try:
            for other in (port + 1, port + 2):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", other))
        except OSError:
            continue
        return port


def import_by(peer: Peer, file: Path, rows: int) -> float:
    """Imports into the peer's empty table by its method `core`, as a form with one file; gives the seconds."""
    with psycopg.connect(peer.database, autocommit=True) as connection:
        connection.execute("TRUNCATE social_media_posts")
        connection.execute("CHECKPOINT")
    boundary = secrets.token_hex(16)
    form = file.with_suffix(".form")
    with form.open("wb") as target, file.open("rb") as source:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n'
        target.write(f"{head}Content-Type: text/csv\r\n\r\n".encode())
        shutil.copyfileobj(source, target, PIECE)
        target.write(f"\r\n--{boundary}--\r\n".encode())
    headers = {
        "content-type": f"multipart/form-data; boundary={boundary}",
        "content-length": str(form.stat().st_size),
    }
    started = time.perf_counter()
    with form.open("rb") as body:
        request = urllib.request.Request(f"{peer.url}/api/v1/data/import?method=core", body, headers)
        with urllib.request.urlopen(request, timeout=3600) as reply:
            answer = reply.read().decode()
    seconds = time.perf_counter() - started
    if f'"rows":{rows},' not in answer:
        raise RuntimeError(f"the peer did not take all rows: {answer[:200]}")
    return seconds
