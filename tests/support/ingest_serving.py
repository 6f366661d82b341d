"""The real ingest, without a worker, for tests of services that ask it who may see what."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ingest_service.config import Settings
from ingest_service.server import build_server
from service_runtime.database import Database

from support.ingest_running import IngestSuite
from support.postgres import database_for
from support.running import running, socket_address
from support.tokens import TestIssuer


@asynccontextmanager
async def serving_ingest(issuer: TestIssuer, folder: Path) -> AsyncIterator[tuple[IngestSuite, str]]:
    """Gives ingest and its address; its lake and spool are in the folder."""
    service_database = database_for("ingest")
    async with socket_address() as address:
        settings = Settings(
            listen_address=address,
            database_url=service_database.url,
            atalaya_lake=f"file://{folder / 'lake'}",
            ingest_spool_folder=folder / "spool",
            drain_seconds=0,
        )
        database = Database(service_database.url)
        async with running(await build_server(settings, verifier=issuer.verifier())) as channel:
            yield IngestSuite(channel, issuer, service_database, database, folder / "lake"), address
        await database.close()
