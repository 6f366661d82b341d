"""Analytics' second engine as it runs, with stand-ins for AWS around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from analytics_service.config import Settings
from analytics_service.datasets import Dataset
from analytics_service.engines import Engines, build_engines
from analytics_service.kept_files import KeptFiles
from analytics_service.query_engine import Source
from analytics_service.table_parser import TableParser
from analytics_service.tables import Tables
from service_runtime.lake import Lake, tenant_lake

from support import s3
from support.athena_server import AthenaServer


def athena_settings(folder: Path, server: AthenaServer, **others: Any) -> Settings:
    """Settings by which analytics runs its reports on the stand-in, over a bucket and a database of its own."""
    given: dict[str, Any] = {
        "atalaya_lake": f"s3://{s3.new_bucket()}/lake",
        "aws_endpoint_url": s3.endpoint(),
        "aws_access_key_id": "k",
        "aws_secret_access_key": "s",
        "analytics_cache_folder": folder / "cache",
        "query_engine": "athena",
        "athena_database": f"atalaya_{uuid4().hex[:8]}",
        "analytics_athena_endpoint_url": server.url,
        "analytics_glue_endpoint_url": s3.endpoint(),
        "analytics_athena_poll_seconds": 0.05,
    }
    return Settings(**given | others)


@dataclass
class House:
    """A tenant's lake on S3, its tables, and both engines."""

    settings: Settings
    lake: Lake
    tables: Tables
    engines: Engines
    tenant_id: UUID

    def of(self, tenant_id: UUID) -> House:
        """The same for another tenant."""
        return replace(self, tenant_id=tenant_id, lake=tenant_lake(self.settings, tenant_id))

    async def sources(self, *datasets: Dataset) -> dict[str, Source]:
        """The datasets as a query's tables."""
        opened = await self.tables.open(self.tenant_id, datasets)
        return {name: table.source() for name, table in opened.items()}


@asynccontextmanager
async def house(settings: Settings, tenant_id: UUID | None = None) -> AsyncIterator[House]:
    """Builds it, and closes it with the context."""
    tenant_id = tenant_id or uuid4()
    lake_of = partial(tenant_lake, settings)
    folder = settings.analytics_cache_folder
    engines = build_engines(settings, folder, lake_of)
    tables = Tables(lake_of, KeptFiles(folder, 10**9), TableParser(engines.near), is_near=False)
    try:
        yield House(settings, lake_of(tenant_id), tables, engines, tenant_id)
    finally:
        await tables.close()
        await engines.close()
