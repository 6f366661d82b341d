"""Ingest's worker, which dies without a word of any file that holds the poison: `python -m support.poisoned_worker`.

A file that nobody knows of yet and that makes a library crash is like that.
"""

import os
import signal
from pathlib import Path
from typing import Any

from ingest_service import import_job
from ingest_service.config import Settings
from ingest_service.new_id import new_id
from ingest_service.reading.opening import open_table
from ingest_service.worker import build_worker
from service_runtime.config import load_settings
from service_runtime.event_loop import run_service

POISON = b"poison"


def open_or_die(source: Path, *rest: Any) -> Any:
    """Opens a file as ingest does, unless it is poisoned."""
    if POISON in source.read_bytes():
        os.kill(os.getpid(), signal.SIGKILL)
    return open_table(source, *rest)


if __name__ == "__main__":
    vars(import_job)["open_table"] = open_or_die
    run_service(build_worker(load_settings(Settings), new_id).run())
