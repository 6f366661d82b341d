"""The ingest service: `python -m ingest_service serve | work | migrate | check-config | check-lake | …`."""

import argparse
import asyncio
from uuid import UUID

from service_runtime.config import load_settings
from service_runtime.event_loop import run_service

from ingest_service.config import Settings
from ingest_service.new_id import new_id
from ingest_service.small_process import keep_small


async def serve(settings: Settings) -> None:
    from ingest_service.server import build_server

    server = await build_server(settings)
    await server.run()


async def work(settings: Settings) -> None:
    # Neither imports the other's parts: the server needs no Arrow, DuckDB and Delta, the worker no servicers.
    from ingest_service.worker import build_scheduler, build_worker

    async with build_scheduler(settings):
        await build_worker(settings, new_id).run()


async def rotate_source_keys(settings: Settings) -> None:
    """Brings the credentials of all sources under the first key."""
    from service_runtime.database import Database

    from ingest_service.sources.key_rotation import rewrap_all
    from ingest_service.sources.sealing import KeyRing
    from ingest_service.sources.source_store import SourceStore

    database, keys = Database(settings.database_url), KeyRing(settings.sources_encryption_keys)
    print(f"{await rewrap_all(database, SourceStore(), keys)} sources are under the first key now.")
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="ingest_service", description=__doc__)
    parser.add_argument(
        "command", choices=["serve", "work", "migrate", "check-config", "check-lake", "rotate-source-keys"]
    )
    parser.add_argument("--tenant", type=UUID, help="check-lake: look at this tenant's tables only")
    arguments = parser.parse_args()
    command = arguments.command
    settings = load_settings(Settings)
    if command in ("serve", "work"):
        if command == "work":
            keep_small()
        run_service(serve(settings) if command == "serve" else work(settings))
    elif command == "migrate":
        from service_runtime.migrations import run_migrations

        run_migrations("ingest_service", settings)
    elif command == "rotate-source-keys":
        asyncio.run(rotate_source_keys(settings))
    elif command == "check-lake":
        from ingest_service.lake_command import check_lake

        if not asyncio.run(check_lake(settings, arguments.tenant)):
            raise SystemExit(1)
    else:
        print("The settings are valid.")


if __name__ == "__main__":
    main()
