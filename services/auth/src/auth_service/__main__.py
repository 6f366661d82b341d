"""The auth service: `python -m auth_service serve | work | migrate | provision | check-config`."""

import argparse
import asyncio
import sys
from typing import NoReturn

from pydantic import ValidationError
from service_runtime.config import load_settings
from service_runtime.errors import ServiceError
from service_runtime.event_loop import run_service
from service_runtime.migrations import run_migrations
from uuid6 import uuid7

from auth_service.config import Settings
from auth_service.parts import Parts, build_signer
from auth_service.provisioning import Provisioning, Wanted
from auth_service.server import build_server
from auth_service.service_keys import read_service_keys
from auth_service.tokens import KeyFileError
from auth_service.worker import work


async def serve(settings: Settings) -> None:
    server = await build_server(settings)
    await server.run()


async def provision(settings: Settings, wanted: Wanted) -> str:
    """Makes the tenants and people of the input; gives what is there now as JSON."""
    parts = Parts.build(settings)
    provisioning = Provisioning(
        parts.store,
        parts.passwords,
        parts.signer,
        parts.sessions,
        parts.audit,
        timezone=settings.default_timezone,
        clock=parts.clock,
        new_id=uuid7,
    )
    try:
        return (await provisioning.provide(wanted)).model_dump_json()
    finally:
        await parts.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="auth_service", description=__doc__)
    parser.add_argument("command", choices=["serve", "work", "migrate", "provision", "check-config"])
    command = parser.parse_args().command
    settings = load_settings(Settings)
    try:
        if command == "serve":
            run_service(serve(settings))
        elif command == "work":
            run_service(work(settings, build_signer(settings)))
        elif command == "migrate":
            run_migrations("auth_service", settings)
        elif command == "provision":
            print(_provision_from(sys.stdin.buffer.read(), settings))
        else:
            build_signer(settings)
            read_service_keys(settings.service_public_keys_folder)
            print("The settings are valid.")
    except KeyFileError as error:
        _fail(str(error))


def _provision_from(data: bytes, settings: Settings) -> str:
    if settings.environment == "production":
        _fail("provision makes demo log-ins and is refused where ENVIRONMENT is production.")
    try:
        return asyncio.run(provision(settings, Wanted.model_validate_json(data)))
    except ValidationError as error:
        # Without the input: it holds passwords.
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        _fail("; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems))
    except ServiceError as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
