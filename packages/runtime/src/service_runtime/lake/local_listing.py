"""What was found below a folder of this machine, and how to see that nothing of it has changed."""

import os
import time

from service_runtime.lake.lake import StoredObject

# Two changes within a tick of the file system's clock leave a folder the same time, so one that has just changed is
# read anew; the coarsest clocks tick every two seconds.
_SETTLED_NANOSECONDS = 2_000_000_000
# Some file systems, such as those that make folders of a bucket, give folders no true time: they are late by so much.
_LONGEST_SECONDS = 1.0
# To look at many files takes as long as to read their folder.
_MOST_FILES = 64


class Listing:
    """The objects below a folder, with the marks of all folders and files that were met on the way."""

    def __init__(self) -> None:
        self.objects: list[StoredObject] = []
        self._began, self._ends = time.time_ns(), time.monotonic() + _LONGEST_SECONDS
        self._is_settled = True
        self._folders: list[tuple[str, tuple[int, ...]]] = []
        self._files: list[tuple[str, tuple[int, int, int]]] = []

    def enter(self, folder: str) -> None:
        """Notes a folder before it is read: a file that comes or goes meanwhile changes its time."""
        facts = _facts(folder)
        self._is_settled &= max(facts.st_mtime_ns, facts.st_ctime_ns) < self._began - _SETTLED_NANOSECONDS
        self._folders.append((folder, _folder_mark(facts)))

    def meet(self, entry: "os.DirEntry[str]", facts: os.stat_result, found: StoredObject) -> None:
        self._files.append((entry.path, file_mark(facts)))
        self.objects.append(found)

    def pass_link(self) -> None:
        """Notes a link: what it leads to changes without its folder."""
        self._is_settled = False

    def can_be_kept(self) -> bool:
        return self._is_settled and bool(self._folders) and len(self._files) <= _MOST_FILES

    def still_holds(self) -> bool:
        """Looks at each folder and file: one call of the system for each, and none to open and read a folder."""
        if time.monotonic() >= self._ends:
            return False
        try:
            return all(file_mark(_facts(path)) == mark for path, mark in self._files) and all(
                _folder_mark(_facts(path)) == mark for path, mark in self._folders
            )
        except OSError:
            return False


def _facts(path: str) -> os.stat_result:
    # pathlib takes several times as long.
    return os.stat(path)  # noqa: PTH116


def file_mark(facts: os.stat_result) -> tuple[int, int, int]:
    """Every put makes a new inode, so equal sizes and times still tell versions apart."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _folder_mark(facts: os.stat_result) -> tuple[int, ...]:
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns
