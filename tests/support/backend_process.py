"""The backend of the gateway's tests as a process of its own: `python -m support.backend_process SOCKET JWKS_FILE`.

Its limits and its Redis stand in the environment, as a service's do.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service_runtime.event_loop import run_service

from support.backend_servicer import build_backend

TESTS = Path(__file__).resolve().parents[1]


@contextmanager
def backend_process(socket: Path, jwks: Path, **environment: str) -> Iterator[None]:
    """Runs a backend until the end of the block; whoever calls it waits until it answers."""
    command = [sys.executable, "-m", "support.backend_process", str(socket), str(jwks)]
    process = subprocess.Popen(command, env=environment, cwd=TESTS, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


async def serve(socket: str, jwks: bytes) -> None:
    """Serves until it is told to stop."""
    server, _ = build_backend(f"unix:{socket}", jwks, limits_of_environment=True)
    await server.run()


if __name__ == "__main__":
    run_service(serve(sys.argv[1], Path(sys.argv[2]).read_bytes()))
