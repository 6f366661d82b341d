"""Starts programs that die with their parent, and recognises those that an earlier run left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

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


def runs(pid: int, words: Sequence[str]) -> bool:
    """Whether the process is alive and its command line holds every one of these words."""
    try:
        command = psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return all(any(word in part for part in command) for word in words)


def end(pid: int, words: Sequence[str], *, first: signal.Signals = signal.SIGTERM, seconds: float = 10) -> bool:
    """Ends a left-over process if it is the one meant: asks it first, then kills it; tells whether it was there."""
    if not runs(pid, words):
        return False
    process = psutil.Process(pid)
    try:
        process.send_signal(first)
        process.wait(seconds)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        pass
    return True
