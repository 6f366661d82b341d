"""Keeps the logs of a suite from growing without end."""

from pathlib import Path

LIMIT_BYTES = 10_000_000
KEPT = 3


def rotate(log: Path, limit: int = LIMIT_BYTES, kept: int = KEPT) -> None:
    """Puts a large log aside as .1, the one before as .2 and so on; call it before the writer opens the log."""
    if not log.exists() or log.stat().st_size < limit:
        return
    for number in range(kept, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log.with_name(f"{log.name}.{number - 1}") if number > 1 else log
        if newer.exists():
            newer.replace(older)
