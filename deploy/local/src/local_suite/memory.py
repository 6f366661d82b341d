"""What a process really takes of the machine's memory."""

import psutil


def megabytes(pid: int) -> float:
    """The proportional set size of a process and all its children: pages that several share count once in the sum."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_proportional(each) for each in family) / 1e6


def alone(pid: int) -> float:
    """The same of the process without its children."""
    try:
        return _proportional(psutil.Process(pid)) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def _proportional(process: psutil.Process) -> float:
    try:
        info = process.memory_full_info()
    except psutil.Error:
        return 0.0
    # Only Linux knows shares; elsewhere what is resident is an upper bound.
    return float(getattr(info, "pss", 0) or info.rss)
