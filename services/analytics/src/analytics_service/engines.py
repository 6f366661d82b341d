"""The engines that the settings ask for: one near, for what this process computes itself, and one for the reports."""

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from service_runtime.lake import Lake

from analytics_service.config import Settings
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.fair_turns import FairTurns
from analytics_service.query_engine import QueryEngine


async def _nothing(_tenant_id: UUID) -> int:
    return 0


@dataclass(frozen=True)
class Engines:
    """`near` parses files, `reports` answers; `erase` drops what the second keeps of a tenant outside this process."""

    near: DuckDbEngine
    reports: QueryEngine
    close: Callable[[], Awaitable[None]]
    erase: Callable[[UUID], Awaitable[int]] = _nothing


def build_engines(
    settings: Settings, folder: Path, lake_of: Callable[[UUID], Lake], *, concurrency: int | None = None
) -> Engines:
    """Builds both; `folder` is where they may work, `concurrency` sets the setting aside."""
    near = DuckDbEngine(
        folder,
        memory_limit=settings.analytics_query_memory,
        threads=settings.analytics_query_threads,
        concurrency=concurrency or settings.analytics_query_concurrency,
        timeout=settings.analytics_query_timeout_seconds,
    )
    if settings.query_engine == "athena":
        return _with_athena(settings, folder, lake_of, near)
    return Engines(near, near, near.close)


def _with_athena(settings: Settings, folder: Path, lake_of: Callable[[UUID], Lake], near: DuckDbEngine) -> Engines:
    # Only who asks for Athena loads its clients.
    from analytics_service.athena_engine import AthenaEngine, AthenaOptions
    from analytics_service.athena_tables import AthenaTables
    from analytics_service.athena_workgroup import Workgroup
    from analytics_service.aws_calls import AwsCalls

    scratch = folder / "athena"
    # What a process that was killed has left.
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    aws = AwsCalls(
        settings,
        threads=2 * settings.analytics_athena_concurrency,
        athena_url=settings.analytics_athena_endpoint_url,
        glue_url=settings.analytics_glue_endpoint_url,
    )
    tables = AthenaTables(
        aws,
        lake_of,
        settings.athena_database,
        scratch,
        versions_kept=settings.analytics_athena_versions_kept,
        results_kept=timedelta(minutes=settings.analytics_athena_reuse_minutes),
    )
    options = AthenaOptions(
        catalog=settings.analytics_athena_catalog,
        database=settings.athena_database,
        output=partial(_output, settings.athena_output_location, lake_of),
        reuse_minutes=settings.analytics_athena_reuse_minutes,
        timeout=settings.analytics_query_timeout_seconds,
        longest_poll=settings.analytics_athena_poll_seconds,
        price_per_terabyte=settings.analytics_athena_price_per_terabyte,
    )
    workgroup = Workgroup(aws, settings.athena_workgroup, settings.analytics_athena_bytes_limit)
    turns = FairTurns("athena", settings.analytics_athena_concurrency)
    engine = AthenaEngine(aws, tables, workgroup, near, options, turns, scratch)

    async def close() -> None:
        await engine.close()
        await near.close()

    return Engines(near, engine, close, tables.erase)


def _output(place: str, lake_of: Callable[[UUID], Lake], tenant_id: UUID) -> str:
    """Where a tenant's results go: never where another's are."""
    from analytics_service.athena_tables import RESULTS_FOLDER

    return f"{place.rstrip('/')}/tenant={tenant_id}/" if place else f"{lake_of(tenant_id).url}/{RESULTS_FOLDER}"
