"""What a client did, kept on disk as it goes, and the four rules that hold it against what is there afterwards.

An operation ends `acked` (the client was told that it is done), `refused` (that it is not) or `unknown` (it was told
nothing, or something that leaves it open). One that is `accepted` has a job whose end is still to be asked for.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

End = Literal["acked", "refused", "unknown", "accepted"]

# How often a row may be there, by the end of its operation.
ALLOWED = {"acked": {1}, "refused": {0}, "unknown": {0, 1}}


@dataclass
class Operation:
    """One thing that the client asked for, the ids of the rows it sent, and how that ended as far as was told."""

    number: int
    kind: str
    rows: Sequence[str]
    end: str = "unknown"
    facts: dict[str, Any] = field(default_factory=dict)


class Ledger:
    """An append-only file: one line before each operation, and one or more for its end, of which the last counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()
        self._lock = threading.Lock()
        self._number = 0

    def begin(self, kind: str, rows: Sequence[str], **facts: Any) -> int:
        """Notes an operation before it is asked for; gives its number."""
        with self._lock:
            self._number += 1
            self._write({"number": self._number, "kind": kind, "rows": list(rows), "facts": facts})
            return self._number

    def end(self, number: int, end: End, **facts: Any) -> None:
        """Notes how it ended."""
        with self._lock:
            self._write({"number": number, "end": end, "facts": facts})

    def operations(self) -> list[Operation]:
        """Reads the file; what has no end is unknown."""
        found: dict[int, Operation] = {}
        # A long line is written in several turns.
        with self._lock:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        for line in lines:
            entry = json.loads(line)
            if "kind" in entry:
                found[entry["number"]] = Operation(entry["number"], entry["kind"], entry["rows"])
            operation = found[entry["number"]]
            operation.end = entry.get("end", operation.end)
            operation.facts |= entry["facts"]
        return list(found.values())

    def _write(self, entry: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def broken_rules(operations: Iterable[Operation], found: Iterable[str]) -> list[str]:
    """Says in a sentence each what is not as it must be: acked rows once, refused ones not, unknown ones at most once
    and those of one operation together, and no row that nobody sent."""
    there, sentences = Counter(found), []
    for operation in operations:
        counts = [there.pop(row, 0) for row in operation.rows]
        wrong = [count for count in counts if count not in ALLOWED[operation.end]]
        if wrong:
            sentences.append(f"{_name(operation)} has {len(wrong)} of {len(counts)} rows {Counter(wrong)} times")
        elif len(set(counts)) > 1:
            sentences.append(f"{_name(operation)} has a part of its rows: {Counter(counts)}")
    if there:
        sentences.append(f"{len(there)} rows that nobody sent, such as {next(iter(there))!r}")
    return sentences


def _name(operation: Operation) -> str:
    return f"{operation.kind} {operation.number} ({operation.end}, {operation.facts})"
