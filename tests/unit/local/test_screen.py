"""The screen says what it can; what cannot be written stops nobody."""

import errno
import io

from local_suite.screen import Screen
from rich.console import Console


class Disk(io.StringIO):
    """A file on a disk that may be full."""

    has_room = True

    def write(self, text: str) -> int:
        if not self.has_room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_full_disk_loses_a_line_and_not_those_after_it() -> None:
    disk = Disk()
    screen = Screen(Console(file=disk, highlight=False))

    screen.line("before")
    disk.has_room = False
    screen.line("lost")
    disk.has_room = True
    screen.line("afterwards")

    assert [line.split()[-1] for line in disk.getvalue().splitlines()] == ["before", "afterwards"]
