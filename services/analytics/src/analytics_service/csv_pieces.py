"""Cuts a large CSV file into pieces at ends of rows, so that after a change only the pieces with the change are new."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from analytics_service.csv_text import UnreadableCsv, header_of

# A file has some thirty pieces at most, and none is much smaller than this but the last: what changed is parsed in the
# time of some rows, and each piece more costs a query about 0.3 ms.
_MOST_PIECES, _SMALLEST_BYTES = 32, 512 * 1024
# Of so many rows one is the last of its piece, by its content alone: where rows are added or taken away before it, the
# cuts behind them stay at the same rows.
_ROWS_LOOKED_AT = 256
_BLOCK_BYTES = 1024 * 1024
_THREADS = 2


@dataclass(frozen=True)
class Piece:
    """Whole rows of a file: where they stand, and the digest of the header and them."""

    start: int
    end: int
    digest: str


def pieces_of(path: Path) -> list[Piece]:
    """The pieces in their order; none for a file that is to be taken whole.

    Only where there is no quote the end of a line is the end of a row for sure, so a file with one is taken whole.
    """
    size, smallest = path.stat().st_size, _SMALLEST_BYTES
    while size > _MOST_PIECES * smallest:
        smallest *= 2
    if size <= 2 * smallest or not _has_plain_header(path):
        return []
    with path.open("rb") as file:
        header = file.readline(smallest)
        cuts = [file.tell(), *_cuts(file, size, smallest), size]
    spans = list(pairwise(cuts))
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = list(pool.map(partial(_digest, path, header), spans))
    return [] if "" in digests else [Piece(*span, digest) for span, digest in zip(spans, digests, strict=True)]


def write_piece(path: Path, piece: Piece, target: Path) -> None:
    """Writes a piece as a CSV file of its own, with the header."""
    with path.open("rb") as file, target.open("xb") as copy:
        copy.write(file.readline())
        for block in _blocks(file, piece.start, piece.end):
            copy.write(block)


def _has_plain_header(path: Path) -> bool:
    try:
        names, lines = header_of(path)
    except UnreadableCsv:
        return False
    return bool(names) and lines == 1


def _cuts(file: BinaryIO, size: int, smallest: int) -> Iterator[int]:
    at = file.tell() + smallest
    while at + smallest < size:
        latest = at + smallest
        file.seek(at)
        # Most likely the middle of a row.
        row = file.readline(smallest)
        at += len(row)
        while at < latest and (row := file.readline(smallest)):
            at += len(row)
            if crc32(row) % _ROWS_LOOKED_AT == 0:
                break
        if not row.endswith(b"\n"):
            return
        yield at
        at += smallest


def _digest(path: Path, header: bytes, span: tuple[int, int]) -> str:
    """Tells a piece's content; empty where it has a quote."""
    found = hashlib.sha256(header)
    with path.open("rb") as file:
        for block in _blocks(file, *span):
            if b'"' in block:
                return ""
            found.update(block)
    return found.hexdigest()


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end:
        block = file.read(min(_BLOCK_BYTES, end - start))
        if not block:
            return
        start += len(block)
        yield block
