"""Tells whether workers are there, by their heartbeats."""

from collections.abc import Awaitable, Callable

from sqlalchemy import text

from service_runtime.database import Database
from service_runtime.errors import Unavailable

LONGEST_SILENCE_SECONDS = 30

_ALIVE = text(
    "SELECT EXISTS (SELECT FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :seconds))"
)


def workers_alive(database: Database) -> Callable[[], Awaitable[None]]:
    """Makes a check that raises where no worker has reported within the last 30 seconds."""

    async def check() -> None:
        async with database.system_session() as session:
            alive = (await session.execute(_ALIVE, {"seconds": LONGEST_SILENCE_SECONDS})).scalar_one()
        if not alive:
            raise Unavailable("NO_WORKER", "No worker has reported lately.")

    return check
