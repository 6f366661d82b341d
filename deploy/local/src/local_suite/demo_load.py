"""Loads the demo data into a running suite, once per home, as a process of its own."""

import subprocess
import sys
from pathlib import Path

from local_suite.credentials import write_private
from local_suite.environment import inherited, marked
from local_suite.home import Home
from local_suite.process import spawn
from local_suite.waiting import until


def wanted(home: Home, *, new: bool, setting: str) -> bool:
    """Whether this start loads the demo: into a new home unless DEMO=0, and again where loading was cut short."""
    if new and setting != "0":
        write_private(_pending(home), "")
    return _pending(home).exists() and setting != "0"


async def load(home: Home) -> bool:
    """Runs the loader to its end; tells whether it ended well."""
    process = spawn(
        [sys.executable, "-m", "local_suite.demo"],
        log=home.log("demo"),
        environment=marked(home, inherited(home)),
        directory=home.path,
    )
    try:
        await until(lambda: process.poll() is not None)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode == 0:
        _pending(home).unlink(missing_ok=True)
    return process.returncode == 0


def load_in_foreground(home: Home) -> int:
    """Runs the loader for `make demo`, where its words belong on the terminal; gives its exit code."""
    done = subprocess.run([sys.executable, "-m", "local_suite.demo"], env=inherited(home), check=False)
    if done.returncode == 0:
        _pending(home).unlink(missing_ok=True)
    return done.returncode


def _pending(home: Home) -> Path:
    return home.run / "demo-pending"
