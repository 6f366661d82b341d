"""How a reading goes: it counts, keeps to its speed and its size, and stops when it is told to."""

import threading
import time

from service_runtime.errors import InvalidArgument


class Stopped(Exception):
    """The reading was told to stop."""


class Pace:
    """Shared between the thread that reads and the job that watches it."""

    def __init__(self, *, rows_per_second: int, largest_table: int) -> None:
        self._rows_per_second = rows_per_second
        self._largest_table = largest_table
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._size = 0
        # Rows of all tables so far.
        self.rows = 0
        # When something last came.
        self.moved = self._began

    def begin_table(self) -> None:
        self._size = 0

    def step(self, rows: int, size: int) -> None:
        """Notes what came, and waits where it came too fast; raises where the reading is to end."""
        self.rows += rows
        self._size += size
        self.moved = time.monotonic()
        if self._size > self._largest_table:
            raise InvalidArgument("TABLE_TOO_LARGE", "A table is larger than the operator lets sources bring.")
        early = self._began + self.rows / self._rows_per_second - self.moved
        if self._stop.wait(max(0.0, early)) if early > 0 else self._stop.is_set():
            raise Stopped
        self.moved = time.monotonic()

    def stop(self) -> None:
        self._stop.set()
