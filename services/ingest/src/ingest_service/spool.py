"""Folders for files on their way: each is locked while its process lives, so that leftovers can be told and removed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from service_runtime.full_disk import FULL

_LOCK = ".lock"


class Spool:
    """A place on the local disk for uploads and for the worker's own files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Gives a new folder, which is removed at the end."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(prefix="spool-", dir=self._root))
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def clean(self) -> int:
        """Removes what processes that are gone have left; gives how many folders."""
        removed = 0
        for folder in self._root.glob("spool-*"):
            with suppress(OSError):
                lock = os.open(folder / _LOCK, os.O_RDWR)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                    removed += 1
                finally:
                    os.close(lock)
        return removed


def open_spool(folder: Path) -> Spool:
    """Opens the spool at a start: clears what others have left, and ends the process where nothing may be put there."""
    spool = Spool(folder)
    try:
        spool.clean()
        with spool.folder():
            pass
    except OSError as error:
        # A full disk passes, and uploads tell of it until then.
        if error.errno not in FULL:
            raise SystemExit(f"INGEST_SPOOL_FOLDER cannot be used: {folder}: {error.strerror}.") from error
    return spool
