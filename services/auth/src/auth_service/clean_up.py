"""Clean-up: what is dead for good is deleted every hour, a little at a time."""

import structlog

from auth_service.clean_up_store import KINDS
from auth_service.store import Store

_log = structlog.stdlib.get_logger("auth_service.clean_up")

EVERY_SECONDS = 3600
# A batch takes milliseconds, so nobody waits long for what it holds.
BATCH = 1000


class CleanUp:
    """Deletes dead records beside a worker's jobs; several workers at once do no harm."""

    def __init__(self, store: Store, *, batch: int = BATCH) -> None:
        self._store = store
        self._batch = batch

    async def run_once(self) -> dict[str, int]:
        """Deletes all that is dead now; gives how many records of each kind."""
        deleted = {kind: await self._delete(kind) for kind in KINDS}
        _log.info("clean-up", deleted=sum(deleted.values()))
        return deleted

    async def _delete(self, kind: str) -> int:
        deleted = 0
        while True:
            async with self._store.dead_records() as records:
                some = await records.delete(kind, self._batch)
            deleted += some
            if some < self._batch:
                return deleted
