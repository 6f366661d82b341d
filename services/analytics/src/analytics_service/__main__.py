"""The analytics service: `python -m analytics_service serve | work | migrate | check-config`."""

import argparse
from datetime import UTC, datetime

from service_runtime.config import load_settings
from service_runtime.event_loop import run_service

from analytics_service.config import Settings


def utc_now() -> datetime:
    return datetime.now(UTC)


async def serve(settings: Settings) -> None:
    # Neither imports the other's parts: the worker needs no servicers, and DuckDB only when it has work.
    from analytics_service.server import build_server

    await (await build_server(settings, utc_now)).run()


async def work(settings: Settings) -> None:
    from analytics_service.worker import build_worker, rfm_clock

    async with rfm_clock(settings, utc_now):
        await build_worker(settings, utc_now).run()


def main() -> None:
    parser = argparse.ArgumentParser(prog="analytics_service", description=__doc__)
    parser.add_argument("command", choices=["serve", "work", "migrate", "check-config"])
    command = parser.parse_args().command
    settings = load_settings(Settings)
    if command == "serve":
        run_service(serve(settings))
    elif command == "work":
        run_service(work(settings))
    elif command == "migrate":
        from service_runtime.migrations import run_migrations

        run_migrations("analytics_service", settings)
    else:
        print("The settings are valid.")


if __name__ == "__main__":
    main()
