"""Small work apart from the jobs: in a queue of its own, so that no long job holds it up, and tried until done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from service_runtime.database import Session, session_purpose
from service_runtime.jobs.defer import defer_task
from service_runtime.jobs.stalled import purpose_of
from service_runtime.request import current_request, read_request

# What a tenant's task does; it must bear to be done twice.
Work = Callable[[UUID], Awaitable[None]]
LONGEST_PAUSE_SECONDS = 15


@dataclass(frozen=True)
class SideTask:
    """What a worker does for one tenant when it is asked to."""

    queue: str
    name: str
    at_a_time: int = 1

    async def ask(self, session: Session, tenant_id: UUID, *, seconds: float = 0) -> None:
        """Queues it in the session's transaction, to begin `seconds` from now at the earliest."""
        await defer_task(session, self.queue, self.name, {"tenant_id": str(tenant_id)}, seconds=seconds)


class SideTaskRun:
    """The task that the queue calls; whatever it raises, it is called again after a pause."""

    def __init__(self, task: SideTask, work: Work) -> None:
        self._task = task
        self._work = work

    async def run(self, tenant_id: str) -> None:
        current_request.set(read_request(f"task/{self._task.name}", []))
        session_purpose.set(purpose_of(self._task.name, {"tenant_id": tenant_id}))
        await self._work(UUID(tenant_id))


def pause_seconds(attempts: int) -> int:
    """Gives the pause after that many failed attempts: 1, 2, 4 … seconds up to a quarter of a minute."""
    # Four doublings are beyond the longest, and later numbers would only grow.
    return min(1 << min(attempts, 4), LONGEST_PAUSE_SECONDS)
