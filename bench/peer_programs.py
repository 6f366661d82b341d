"""Runs the peers of the benchmarks, programs that others might use instead, from the folder that holds them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from http_calls import Server


@dataclass(frozen=True)
class Peer:
    """A peer that runs: where it answers, and its process."""

    server: Server
    process: psutil.Process


@contextmanager
def running_peer(peers: Path, name: str, *, scale: str, port: int, folder: Path) -> Iterator[Peer]:
    """Starts a peer on data of a scale; its data, environment and logs go to `folder`, its S3 to the next port."""
    environment = os.environ | {"SCALE": scale, "PORT": str(port), "RUN_DIR": str(folder)}
    command = ["bash", str(peers / "run_peer.sh"), name]
    program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        told = dict(word.split("=", 1) for word in _first_line(program).split() if "=" in word)
        yield Peer(Server.of(told["BASE_URL"]), psutil.Process(int(told["PEER_PID"])))
    finally:
        # It ends what it started.
        program.send_signal(signal.SIGTERM)
        program.wait(60)


def peer_data(folder: Path, scale: str) -> Path:
    """The folder of a scale's CSV files, laid out as a lake is."""
    return folder / "data" / f"s{scale}" / "s3"


def _first_line(program: "subprocess.Popen[str]") -> str:
    for line in program.stdout or ():
        if line.startswith("BASE_URL"):
            return line
    raise RuntimeError("the peer did not start; its logs are in the folder given")
