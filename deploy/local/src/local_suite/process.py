"""Starts programs that die with their parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

NOBODY = 65534
LAUNCHER = Path(__file__).with_name("launch.py")


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    directory: Path = Path("/"),
    user: int = 0,
    keep_file_access: bool = False,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Starts a program in a session of its own with both outputs in the log; call it from the main thread only.

    The kernel signals the program when the *thread* that started it ends, so that thread must live on.
    """
    launcher = [sys.executable, "-I", "-S", LAUNCHER, os.getpid(), int(death_signal), user, int(keep_file_access)]
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(word) for word in [*launcher, *command]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )
