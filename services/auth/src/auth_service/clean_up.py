"""Clean-up: what is dead for good is deleted every hour, a little at a time."""

import asyncio

import structlog
from service_runtime.background import end_task

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
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        await end_task(self._task)

    async def run_once(self) -> dict[str, int]:
        """Deletes all that is dead now; gives how many records of each kind."""
        return {kind: await self._delete(kind) for kind in KINDS}

    async def _delete(self, kind: str) -> int:
        deleted = 0
        while True:
            async with self._store.dead_records() as records:
                some = await records.delete(kind, self._batch)
            deleted += some
            if some < self._batch:
                return deleted

    async def _run(self) -> None:
        while True:
            try:
                _log.info("clean-up", deleted=sum((await self.run_once()).values()))
            except Exception as error:
                _log.warning("clean-up failed", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)
