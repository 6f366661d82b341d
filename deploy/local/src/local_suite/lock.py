"""One runner per home: a lock that the kernel frees however its holder ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local_suite.errors import AlreadyRunning
from local_suite.home import Home

# Whoever asks for the holder takes the lock for a moment too, which must not look like a running suite.
TRIES = 5


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """Holds the home for this process, or says who else does."""
    with (home.run / "lock").open("a+") as file:
        if not _locked(file.fileno()):
            raise AlreadyRunning(
                f"A suite runs on {home.path} already (process {holder(home) or 'unknown'}): "
                "stop it with make down, or set ATALAYA_HOME and ATALAYA_PORT for a second one."
            )
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def _locked(descriptor: int) -> bool:
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def holder(home: Home) -> int | None:
    """The process that holds the home, if any does."""
    try:
        with (home.run / "lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                text = file.read().strip()
                return int(text) if text.isdecimal() else None
    except FileNotFoundError:
        pass
    return None
