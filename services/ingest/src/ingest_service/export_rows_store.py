"""Rows for exports out of PostgreSQL: one statement, so that all of them are of one moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import psycopg

from ingest_service.copy_out_store import copy_out
from ingest_service.record_kinds import RecordKind


@dataclass
class Copied:
    """How many rows came, and the bytes of the longest."""

    rows: int = 0
    longest: int = 0


class ExportRowsStore:
    """Copies records to a local file, inside the caller's transaction."""

    async def copy(
        self,
        driver: psycopg.AsyncConnection[tuple[object, ...]],
        kind: RecordKind,
        columns: Sequence[str],
        accounts: Sequence[int],
        times: tuple[datetime | None, datetime | None],
        target: Path,
    ) -> Copied:
        """Writes the rows of these accounts as CSV without a header, in the order in which they came to the record;
        the account's name comes first."""
        statement = (
            f"COPY (SELECT accounts.username, {', '.join(f'kept.{name}' for name in columns)} "  # noqa: S608
            f"FROM {kind.name} AS kept JOIN accounts USING (tenant_id, id_usuario) "
            f"WHERE {_wanted(kind, accounts, times)} ORDER BY kept.{kind.number}) TO STDOUT (FORMAT csv)"
        )
        async with driver.cursor() as cursor:
            await cursor.execute("SET LOCAL timezone = 'UTC'")
        with target.open("wb") as file:
            counting = _Counting(file)
            copying = asyncio.create_task(asyncio.to_thread(copy_out, driver.pgconn, statement, counting))  # type: ignore[arg-type]
            try:
                await asyncio.shield(copying)
            finally:
                # Whoever is told to stop leaves the connection only when the thread has done with it.
                await asyncio.gather(copying, return_exceptions=True)
        return counting.copied


class _Counting:
    """A file that counts; PostgreSQL sends each row by itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.copied = Copied()

    def write(self, row: bytes) -> int:
        self.copied.rows += 1
        self.copied.longest = max(self.copied.longest, len(row))
        return self._file.write(row)


def _wanted(kind: RecordKind, accounts: Sequence[int], times: tuple[datetime | None, datetime | None]) -> str:
    wanted = [f"kept.id_usuario = ANY ('{{{','.join(map(str, accounts))}}}'::integer[])"]
    for moment, compared in zip(times, (">=", "<"), strict=True):
        if moment is not None:
            wanted.append(f"kept.{kind.time} {compared} '{moment.astimezone(UTC).isoformat()}'")
    return " AND ".join(wanted)
