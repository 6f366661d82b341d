"""What must be true before anything is started; each failure is one sentence that says what to do."""

import errno
import platform
import shutil
import socket
import sys
from collections.abc import Mapping

import psutil

from local_suite.errors import BadSetting, DiskFull, PortTaken, UnsupportedMachine
from local_suite.home import Home

PYTHON_VERSIONS = ((3, 11), (3, 12), (3, 13))
MACHINES = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}
# A new cluster takes 40 MB and its log of changes grows to some hundreds under load.
NEEDED_MEGABYTES = 512


def check_machine(
    python: tuple[int, int] = sys.version_info[:2], system: str = platform.system(), machine: str = platform.machine()
) -> None:
    """Refuses a Python or a platform for which there are no wheels of PostgreSQL or Envoy."""
    if python not in PYTHON_VERSIONS:
        known = ", ".join(f"{major}.{minor}" for major, minor in PYTHON_VERSIONS)
        raise UnsupportedMachine(f"Atalaya runs on Python {known}, not {python[0]}.{python[1]}.")
    if (system, machine) not in MACHINES:
        raise UnsupportedMachine(
            f"The local suite runs on Linux (x86-64, arm64) and macOS (arm64), not on {system} {machine}."
        )


def check_environment(environment: Mapping[str, str]) -> None:
    """Refuses production, where secrets must not be made up."""
    if environment.get("ENVIRONMENT", "development") == "production":
        raise BadSetting("The local suite makes up its own secrets, so it does not run with ENVIRONMENT=production.")


def check_disk(home: Home, needed_megabytes: int = NEEDED_MEGABYTES) -> None:
    """Refuses to start, or explains a failure, where the disk is full."""
    if lack := lack_of_disk(home, needed_megabytes):
        raise DiskFull(f"{lack}; make room, or set ATALAYA_HOME to a folder on another disk.")


def lack_of_disk(home: Home, needed_megabytes: int) -> str:
    """Says in words that the disk has less room than that; nothing where it has enough."""
    free = shutil.disk_usage(home.path).free // 1_000_000
    if free >= needed_megabytes:
        return ""
    return f"The disk is full: {free} MB are free for {home.path}, {needed_megabytes} are needed"


def check_port(port: int) -> None:
    """Refuses a port on which something listens, and names it where it can be known."""
    with socket.socket() as probe:
        # Leftovers of closed connections do not count, a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise PortTaken(f"Port {port} is only for root: set ATALAYA_PORT to one above 1023.") from error
            raise PortTaken(
                f"Port {port} is taken by {listener(port)}: stop that, or set ATALAYA_PORT to another port."
            ) from error


def listener(port: int) -> str:
    """Names the process that listens on a port."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (process {process.pid}: {' '.join(process.cmdline())[:120]})"
    except psutil.Error:
        pass
    return "another program"


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens now, for what cannot be a unix socket."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
