"""Trying rejected rows again, and giving them out as a file to be corrected."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from service_runtime.database import Database, Session
from service_runtime.errors import Conflict, InvalidArgument
from service_runtime.identity import Identity
from service_runtime.jobs import JobQueue, JobRecord

from ingest_service import rejected_file
from ingest_service.columns import parse_mapping
from ingest_service.import_request import ImportRequest, check
from ingest_service.import_store import MOST_KEPT, ImportRecord, ImportStore
from ingest_service.imports import JOB_KIND, Imports, rows_expired
from ingest_service.replay_store import ReplayStore


@dataclass(frozen=True)
class Correction:
    """What to change in the row of a line: cells by column, or that it is left out for good."""

    line: int
    values: Mapping[str, str]
    drop: bool


class Replays:
    """Rejected rows of the caller's tenant."""

    def __init__(
        self,
        database: Database,
        imports: Imports,
        store: ImportStore,
        replays: ReplayStore,
        queue: JobQueue,
        new_id: Callable[[], UUID],
    ) -> None:
        self._database = database
        self._imports = imports
        self._store = store
        self._replays = replays
        self._queue = queue
        self._new_id = new_id

    async def replay(
        self, caller: Identity, job_id: str, mapping: Mapping[str, str], corrections: Sequence[Correction]
    ) -> JobRecord:
        """Queues an import of the rows that are still on the list, with the first import's parameters."""
        job, original, first = await self._first(caller, job_id)
        if not job.ended:
            raise Conflict("JOB_NOT_ENDED", "The import has not ended yet.", job_id=job.id, status=job.status)
        columns = first.columns or []
        request = _with_mapping(ImportRequest(**first.request), mapping, columns)
        await self._imports.check_account(caller, check(request))
        wanted = _by_line(corrections, columns)
        replay_id = self._new_id()
        async with self._database.tenant_session(caller.tenant_id) as session:
            if await self._replays.is_under_way(session, original, replay_id):
                raise Conflict("REPLAY_UNDER_WAY", "A job is trying these rows again already.")
            await self._check_lines(session, original, first, [correction.line for correction in corrections])
            await self._replays.insert(session, caller, replay_id, request.as_json(), original, wanted)
            return await self._queue.enqueue(
                session,
                tenant_id=caller.tenant_id,
                kind=JOB_KIND,
                payload={},
                requested_by=caller.subject,
                job_id=str(replay_id),
            )

    async def download(self, caller: Identity, job_id: str, *, raw: bool) -> AsyncIterator[bytes]:
        """Gives the rows as a file; `raw` leaves cells as they are that a spreadsheet would take for formulas."""
        place = await self._imports.place_of(caller, job_id)
        await self._imports.check_kept(caller, place)
        record = await self._store.get(caller.tenant_id, place.original)
        page = partial(self._store.rejected, caller.tenant_id, place.original, replay=place.replay)
        async for piece in rejected_file.pieces((record.columns if record else None) or [], page, raw=raw):
            yield piece

    async def _first(self, caller: Identity, job_id: str) -> tuple[JobRecord, UUID, ImportRecord]:
        place = await self._imports.place_of(caller, job_id)
        first = await self._store.get(caller.tenant_id, place.original)
        if first is None:
            raise _nothing()
        if first.rows_removed:
            raise rows_expired()
        return await self._queue.get(caller.tenant_id, job_id), place.original, first

    async def _check_lines(self, session: Session, original: UUID, first: ImportRecord, lines: Sequence[int]) -> None:
        if first.columns is None or not await self._replays.count(session, original):
            raise _nothing(await self._replays.not_kept(session, original))
        known = await self._replays.known_lines(session, original, lines)
        for line in lines:
            if line not in known:
                raise InvalidArgument("LINE_NOT_REJECTED", f"No row of line {line} is on the list.", line=line)


def _nothing(not_kept: int = 0) -> Conflict:
    more = f" {not_kept} more were rejected, but only the first {MOST_KEPT} are kept." if not_kept else ""
    return Conflict("NOTHING_TO_REPLAY", f"No rejected rows of this import are left.{more}", not_kept=not_kept)


def _with_mapping(request: ImportRequest, mapping: Mapping[str, str], columns: Sequence[str]) -> ImportRequest:
    if not mapping:
        return request
    for column in mapping.values():
        _place(column, columns)
        if "," in column:
            raise InvalidArgument("BAD_MAPPING", "A column with a comma in its name cannot be mapped.", column=column)
    pairs = {**parse_mapping(request.kind, request.mapping)}
    for target, column in mapping.items():
        pairs |= parse_mapping(request.kind, f"{target}:{column}")
    return replace(request, mapping=",".join(f"{target}:{column}" for target, column in pairs.items()))


def _by_line(corrections: Sequence[Correction], columns: Sequence[str]) -> dict[str, Any]:
    """Gives the corrections by line, with cells by the place of their column."""
    found: dict[str, Any] = {}
    for correction in corrections:
        if str(correction.line) in found:
            raise InvalidArgument(
                "LINE_TWICE", f"Line {correction.line} has two corrections; give one.", line=correction.line
            )
        values = {
            str(_place(name, columns)): value.replace("\0", "\ufffd") for name, value in correction.values.items()
        }
        found[str(correction.line)] = {"drop": correction.drop, "values": values}
    return found


def _place(column: str, columns: Sequence[str]) -> int:
    if column not in columns:
        raise InvalidArgument("UNKNOWN_COLUMN", f"The file has no column `{column[:100]}`.", column=column[:100])
    return columns.index(column)
