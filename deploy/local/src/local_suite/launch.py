"""Becomes the given program after tying its life to its parent's and giving up root.

Run as a script, with the standard library only: a forked copy of a process with threads may not safely run Python
before it becomes another program, a fresh one may.
"""

import ctypes
import os
import signal
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def drop_root(user: int, keep_file_access: bool) -> None:
    """Takes the user's identity; with file access kept it still reaches folders below, say, /root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if keep_file_access:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    if keep_file_access:
        only = 1 << CAP_DAC_OVERRIDE
        header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
        sets = struct.pack("6I", only, only, only, 0, 0, 0)
        if libc.capset(header, sets) or libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0):
            raise OSError(ctypes.get_errno(), "the right to reach files of root could not be kept")


def die_with_parent(parent: int, death_signal: int) -> None:
    """Has the kernel signal this process when the parent ends; after the change of user, which would clear it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(f"the parent {parent} ended before {sys.argv[5]} started")


def main() -> None:
    parent, death_signal, user, keep = (int(word) for word in sys.argv[1:5])
    if user:
        drop_root(user, bool(keep))
    # Python ignores these two; the program should meet them as a shell would give them.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    die_with_parent(parent, death_signal)
    os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606 - to become the program is this script's purpose.


if __name__ == "__main__":
    main()
