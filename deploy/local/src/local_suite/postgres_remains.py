"""Ends the PostgreSQL server that a killed runner left on a data folder, so that the next one can start."""

import signal
from pathlib import Path

import psutil


def end_server(data: Path, seconds: float = 10) -> None:
    """Shuts down what still works in the folder, and returns when nothing does.

    The pid file of a dead server stays, for PostgreSQL itself judges by it whether the data are free. It only goes
    where its process id now belongs to another program, which PostgreSQL would take for a server.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    first = pid_file.read_text().partition("\n")[0]
    number = int(first) if first.isdigit() else 0
    postmaster = _postmaster(number, data)
    remains = _orphans(data) if postmaster is None else [postmaster, *postmaster.children()]
    if postmaster is not None:
        postmaster.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(remains, timeout=seconds)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)
    if number and psutil.pid_exists(number):
        pid_file.unlink(missing_ok=True)


def _postmaster(pid: int, data: Path) -> psutil.Process | None:
    """The process of the pid file, if its command line says that it serves this folder."""
    try:
        process = psutil.Process(pid)
        return process if str(data) in process.cmdline() else None
    except psutil.Error:
        return None


def _orphans(data: Path) -> list[psutil.Process]:
    """Server processes whose postmaster was killed; they end by themselves, but not at once."""
    found = []
    for process in psutil.process_iter():
        try:
            parent = process.parent()
            orphan = process.name() == "postgres" and (parent is None or parent.name() != "postgres")
            if orphan and _works_in(process, data):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _works_in(process: psutil.Process, data: Path) -> bool:
    # A postmaster keeps its command line, its children show what they do instead.
    if any(word.startswith("-D") for word in process.cmdline()):
        return False
    try:
        return process.cwd() == str(data)
    except psutil.AccessDenied:
        # In a container root may not look at others; an orphan of any server ends soon, so waiting for it is no harm.
        return True
