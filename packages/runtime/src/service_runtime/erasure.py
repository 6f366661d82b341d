"""Erasing what a service's database holds of a tenant: its jobs first, so that nothing is written behind, then rows."""

import asyncio
import time
from collections.abc import Collection
from graphlib import TopologicalSorter
from uuid import UUID

from sqlalchemy import text

from service_runtime.database import Database
from service_runtime.errors import Unavailable
from service_runtime.jobs.stalled import STALLED_SECONDS

# Rows that one transaction deletes.
_AT_A_TIME = 20_000
# Longer than that no call erases; the next one goes on, so that a deadline never undoes what was done.
_LONGEST_SECONDS = 10.0
_JOBS_END_SECONDS = 5.0
_ASK_SECONDS = 0.1

_HAS_JOBS = text("SELECT to_regclass('public.procrastinate_jobs') IS NOT NULL")
_FENCE = text("DELETE FROM jobs WHERE tenant_id = :tenant_id")
# Those that a living worker has stay until it ends them, as it soon does without their row in `jobs`.
_UNQUEUE = text(
    "DELETE FROM procrastinate_jobs job WHERE job.args->>'tenant_id' = CAST(:tenant_id AS text) AND NOT EXISTS ("
    "SELECT FROM procrastinate_workers worker WHERE worker.id = job.worker_id AND job.status = 'doing' "
    "AND worker.last_heartbeat > now() - make_interval(secs => CAST(:seconds AS float8)))"
)
_IS_RUNNING = text("SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE args->>'tenant_id' = CAST(:tenant_id AS text))")
_TABLES = text(
    "SELECT quote_ident(relname) AS name, ARRAY(SELECT quote_ident(parent.relname) FROM pg_constraint "
    "JOIN pg_class parent ON parent.oid = confrelid "
    "WHERE conrelid = c.oid AND contype = 'f' AND confrelid <> c.oid) AS parents "
    "FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND EXISTS ("
    "SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped)"
)


class TenantRows:
    """All that a database has of one tenant, found from its catalog: a table that is new tomorrow is among them."""

    def __init__(self, database: Database, *, at_a_time: int = _AT_A_TIME, patience: float = _JOBS_END_SECONDS) -> None:
        self._database = database
        self._at_a_time = at_a_time
        self._patience = patience

    async def end_jobs(self, tenant_id: UUID) -> int:
        """Deletes a tenant's jobs, and waits until no attempt at one runs; gives how many there were.

        An attempt that runs fails at its next report and takes its transaction back, but a file that it was about to
        write may come first. JOBS_UNDER_WAY where that takes longer: come again.
        """
        async with self._database.system_session() as session:
            if not (await session.execute(_HAS_JOBS)).scalar_one():
                return 0
        async with self._database.tenant_session(tenant_id) as session:
            ended = (await session.execute(_FENCE, {"tenant_id": tenant_id})).rowcount
        give_up_at = time.monotonic() + self._patience
        while await self._are_running(tenant_id):
            if time.monotonic() >= give_up_at:
                raise Unavailable("JOBS_UNDER_WAY", "Jobs of the tenant have not come to their end yet.", retry_after=5)
            await asyncio.sleep(_ASK_SECONDS)
        return int(ended)

    async def erase(self, tenant_id: UUID, *, apart: Collection[str] = ()) -> int:
        """Ends a tenant's jobs, then deletes its rows; gives how many there were. It takes a while at most, and 0 means
        that none is left. `apart` names tables that are left alone."""
        erased = await self.end_jobs(tenant_id)
        give_up_at = time.monotonic() + _LONGEST_SECONDS
        for table in await self._tables():
            if table in apart:
                continue
            while (deleted := await self._delete_some(table, tenant_id)) and time.monotonic() < give_up_at:
                erased += deleted
            erased += deleted
        return erased

    async def _are_running(self, tenant_id: UUID) -> bool:
        async with self._database.system_session() as session:
            await session.execute(_UNQUEUE, {"tenant_id": str(tenant_id), "seconds": STALLED_SECONDS})
            return bool((await session.execute(_IS_RUNNING, {"tenant_id": str(tenant_id)})).scalar_one())

    async def _tables(self) -> list[str]:
        """Gives the tables with a tenant_id, each before those that its foreign keys point to."""
        order: TopologicalSorter[str] = TopologicalSorter()
        async with self._database.system_session() as session:
            tables = {row.name: row.parents for row in await session.execute(_TABLES)}
        for name, parents in tables.items():
            order.add(name)
            for parent in parents:
                order.add(parent, name)
        return [name for name in order.static_order() if name in tables]

    async def _delete_some(self, table: str, tenant_id: UUID) -> int:
        some = f"SELECT ctid FROM {table} WHERE tenant_id = :tenant_id LIMIT :limit"  # noqa: S608
        statement = text(f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({some}))")  # noqa: S608
        async with self._database.tenant_session(tenant_id) as session:
            deleted = await session.execute(statement, {"tenant_id": tenant_id, "limit": self._at_a_time})
            return int(deleted.rowcount)
