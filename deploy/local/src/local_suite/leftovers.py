"""Ends what an earlier runner of the same home left behind when it was killed itself."""

import psutil

from local_suite.environment import MARK
from local_suite.home import Home


def end_leftovers(home: Home, seconds: float = 5) -> int:
    """Ends every process that carries this home's mark, and tells how many there were.

    The caller holds the home's lock, so whatever carries the mark belongs to a runner that is gone; a mark in the
    environment, unlike a noted process id, can never mean somebody else's process. PostgreSQL, which hides its
    environment, is found by its own pid file instead.
    """
    found = [process for process in psutil.process_iter() if _carries_mark(process, str(home.path))]
    for process in found:
        _send(process, kill=False)
    _, alive = psutil.wait_procs(found, timeout=seconds)
    for process in alive:
        _send(process, kill=True)
    psutil.wait_procs(alive, timeout=seconds)
    return len(found)


def _carries_mark(process: psutil.Process, path: str) -> bool:
    try:
        return process.environ().get(MARK) == path and process.pid not in _own_line()
    except (psutil.Error, OSError):
        return False


def _own_line() -> set[int]:
    own = psutil.Process()
    return {own.pid, *(parent.pid for parent in own.parents())}


def _send(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        pass
