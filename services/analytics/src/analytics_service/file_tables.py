"""The typed table of one raw file: whole, or in the pieces of a large CSV file, of which only the new ones are made."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from analytics_service.csv_pieces import Piece, pieces_of, write_piece
from analytics_service.datasets import Dataset
from analytics_service.kept_files import KeptFile, KeptFiles, key_of
from analytics_service.single_flight import all_results
from analytics_service.table_parser import RULES_VERSION, TableParser

# Pieces are parsed by one thread each, more or less.
_PIECES_AT_ONCE = 2


class FileTables:
    """Makes and finds typed tables of raw files by the key of the file's version."""

    def __init__(self, kept: KeptFiles, parser: TableParser) -> None:
        self._kept, self._parser = kept, parser

    def find(self, key: str) -> tuple[KeptFile, ...] | None:
        """The parts of the table; None where one is missing."""
        file = self._kept.find(key)
        if file is None:
            return None
        parts = [self._kept.find(part) for part in file.needs] if file.needs else [file]
        found = tuple(part for part in parts if part is not None)
        return found if len(found) == len(parts) else None

    async def make(self, owner: str, dataset: Dataset, key: str, path: str, raw: Path) -> tuple[KeptFile, ...]:
        """Makes what is missing; `path` is the file's name for people. The parts stay as long as `key` is held."""
        pieces = await asyncio.to_thread(pieces_of, raw) if path.endswith(".csv") else []
        if not pieces:
            return (await self._parse(owner, dataset, key, path, raw),)
        keys = _keys(owner, dataset, path, pieces)
        with self._kept.held(keys):
            parts = await self._parts(owner, dataset, path, raw, zip(keys, pieces, strict=True))
            with self._kept.incoming(".parts") as index:
                index.touch()
                self._kept.keep(key, owner, index, {"needs": keys})
        return parts

    async def _parts(
        self, owner: str, dataset: Dataset, path: str, raw: Path, pieces: Iterable[tuple[str, Piece]]
    ) -> tuple[KeptFile, ...]:
        places = asyncio.Semaphore(_PIECES_AT_ONCE)

        async def part(key: str, piece: Piece) -> KeptFile:
            if (found := self._kept.find(key)) is not None:
                return found
            async with places:
                with self._kept.incoming(".raw") as rows:
                    await asyncio.to_thread(write_piece, raw, piece, rows)
                    return await self._parse(owner, dataset, key, path, rows)

        return tuple(await all_results(part(key, piece) for key, piece in pieces))

    async def _parse(self, owner: str, dataset: Dataset, key: str, path: str, raw: Path) -> KeptFile:
        with self._kept.incoming(".parquet") as parsed:
            facts = await self._parser.parse(owner, dataset, path, raw, parsed)
            return self._kept.keep(key, owner, parsed, facts)

    def discard(self, keys: Sequence[str]) -> None:
        """Throws away the tables of these keys, so that they are made again."""
        for key in keys:
            if (file := self._kept.find(key)) is not None:
                self._kept.discard([*file.needs, key])


def _keys(owner: str, dataset: Dataset, path: str, pieces: Sequence[Piece]) -> list[str]:
    """A key for each piece by its content; equal pieces are two parts all the same."""
    seen: Counter[str] = Counter()
    keys = []
    for piece in pieces:
        keys.append(key_of(RULES_VERSION, owner, dataset.name, path, piece.digest, seen[piece.digest]))
        seen[piece.digest] += 1
    return keys
