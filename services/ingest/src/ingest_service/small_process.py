"""Keeps the worker's memory small, whatever is installed beside it and however long it has worked."""

import ctypes
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

# What libraries import wherever it is there: pandas some 60 MB, the others three each.
_NOT_NEEDED = ("pandas", "rich", "pyarrow._s3fs", "pyarrow._gcsfs", "pyarrow._azurefs", "pyarrow._hdfs")


class _Refusal(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in _NOT_NEEDED:
            raise ModuleNotFoundError(f"{fullname} is not for this process", name=fullname)
        return None


# The numbers of glibc's malloc.h.
_ARENA_MAX, _TRIM_THRESHOLD = -8, -1
# Of the kernel's mman.h.
_DONT_NEED = 4


def keep_small() -> None:
    """Goes before anything of pyarrow is imported.

    Besides what is not needed, pyarrow's own memory pool and the arenas that malloc makes for each thread keep what a
    large file once took.
    """
    sys.meta_path.insert(0, _Refusal())
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with suppress(OSError, AttributeError):
        allocator = ctypes.CDLL(None)
        allocator.mallopt(_ARENA_MAX, 2)
        allocator.mallopt(_TRIM_THRESHOLD, 1 << 20)


def give_back() -> None:
    """Returns what a stage of the work has left free: by itself malloc keeps what lies between pieces in use.

    Code of libraries that is in use no more goes too, some 35 MB that only their start or another stage needed: where
    it is called again it comes back from the system's own copy of the file.
    """
    with suppress(OSError, AttributeError):
        system = ctypes.CDLL(None)
        system.malloc_trim(0)
        for start, size in _code_of_files():
            system.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _DONT_NEED)


def _code_of_files() -> list[tuple[int, int]]:
    """Gives where code lies in memory that is mapped from files and cannot have been written to."""
    mapped = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) r-xp .* /", Path("/proc/self/maps").read_text(), re.MULTILINE)
    return [(int(start, 16), int(end, 16) - int(start, 16)) for start, end in mapped]
