"""The auth service: `python -m auth_service serve | work | migrate | provision | check-config`."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from atalaya.auth.v1 import api_keys_pb2_grpc, audit_pb2_grpc, auth_pb2_grpc, service_tokens_pb2_grpc
from atalaya.policies import rpc_policies
from pydantic import ValidationError
from service_runtime.config import load_settings
from service_runtime.database import Database
from service_runtime.errors import ServiceError
from service_runtime.identity import LEEWAY_SECONDS, TokenVerifier
from service_runtime.jobs import workers_alive
from service_runtime.migrations import run_migrations
from service_runtime.origin import current_origin
from service_runtime.revocations import RevocationNews
from service_runtime.server import Server, run_service
from uuid6 import uuid7

from auth_service.api_key_exchange import ApiKeyExchange
from auth_service.api_keys import ApiKeys
from auth_service.api_keys_servicer import ApiKeysServicer
from auth_service.attempts import AttemptLimits
from auth_service.audit import AuditTrail
from auth_service.audit_intake import AuditIntake
from auth_service.audit_intake_servicer import AuditIntakeServicer
from auth_service.audit_reading import AuditReading
from auth_service.audit_servicer import AuditServicer
from auth_service.auth_servicer import AuthServicer
from auth_service.config import Settings
from auth_service.login import Login
from auth_service.own_sessions import OwnSessions
from auth_service.password_change import PasswordChange
from auth_service.passwords import PasswordHashing
from auth_service.provisioning import Provisioning, Wanted
from auth_service.refreshing import Refreshing
from auth_service.registration import Registration
from auth_service.revocation_teller import RevocationTeller
from auth_service.service_keys import read_service_keys
from auth_service.service_tokens import ServiceTokens
from auth_service.service_tokens_servicer import ServiceTokensServicer
from auth_service.sessions import Sessions
from auth_service.sessions_servicer import SessionsServicer
from auth_service.store import Store
from auth_service.tokens import KeyFileError, TokenSigner, read_signing_keys
from auth_service.users import Users
from auth_service.users_servicer import UsersServicer
from auth_service.worker import build_worker


def utc_now() -> datetime:
    return datetime.now(UTC)


async def build_server(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Server:
    """Joins the service's parts; `clock` is for tests."""
    signer = build_signer(settings)
    database = Database(settings.database_url)
    store = Store(database)
    passwords = build_passwords(settings)
    audit = AuditTrail(clock=clock, new_id=uuid7)
    refresh_life = timedelta(days=settings.refresh_token_expiration_days)
    sessions = Sessions(signer, refresh_life=refresh_life, clock=clock, new_id=uuid7)
    limits = AttemptLimits(
        account=settings.login_failures_before_delay,
        source=settings.source_failures_before_delay,
        registration=settings.registrations_before_delay,
    )
    registration = Registration(
        store, passwords, sessions, limits, audit, timezone=settings.default_timezone, clock=clock, new_id=uuid7
    )
    login = Login(store, passwords, sessions, limits, audit, clock=clock)

    refreshing = Refreshing(
        store, sessions, audit, grace=timedelta(seconds=settings.refresh_grace_seconds), clock=clock
    )

    own_sessions = OwnSessions(store, sessions, audit, clock=clock)

    async def own_keys() -> bytes:
        return signer.jwks()

    verifier = TokenVerifier(own_keys, settings.jwt_issuer, settings.jwt_audience, lambda: clock().timestamp())
    exchange = ApiKeyExchange(store, signer, limits, audit, clock=clock, new_id=uuid7)

    async def exchange_key(key: str) -> str:
        return (await exchange.exchange(key, current_origin(settings.trusted_proxy_hops))).access_token

    server = Server(settings, policies=rpc_policies(), verifier=verifier, name="auth", exchange_key=exchange_key)
    auth_servicer = AuthServicer(
        registration, login, refreshing, own_sessions, signer, trusted_hops=settings.trusted_proxy_hops
    )
    server.add(auth_pb2_grpc.add_AuthServiceServicer_to_server, auth_servicer)
    users = Users(store)
    password_change = PasswordChange(store, users, passwords, sessions, limits, audit, clock=clock)
    users_servicer = UsersServicer(users, password_change, trusted_hops=settings.trusted_proxy_hops)
    server.add(auth_pb2_grpc.add_UsersServiceServicer_to_server, users_servicer)
    sessions_servicer = SessionsServicer(own_sessions, trusted_hops=settings.trusted_proxy_hops)
    server.add(auth_pb2_grpc.add_SessionsServiceServicer_to_server, sessions_servicer)
    _add_programs(server, settings, store, signer, sessions, exchange, audit, clock)
    server.add_check("database", database.ping)
    server.add_check("workers", workers_alive(database), critical=False)
    server.on_close(database.close)
    server.on_close(passwords.close)
    if server.redis is not None:
        news = RevocationNews(server.redis, keep_seconds=signer.expires_in + LEEWAY_SECONDS)
        teller = RevocationTeller(store, news, clock=clock)
        teller.start()
        server.on_close(teller.close)
    return server


def _add_programs(
    server: Server,
    settings: Settings,
    store: Store,
    signer: TokenSigner,
    sessions: Sessions,
    exchange: ApiKeyExchange,
    audit: AuditTrail,
    clock: Callable[[], datetime],
) -> None:
    """Adds what programs and services use: keys, tokens, and the trail of what they did."""
    api_keys = ApiKeys(store, sessions, audit, most=settings.api_keys_per_tenant, clock=clock, new_id=uuid7)
    api_keys_servicer = ApiKeysServicer(api_keys, exchange, trusted_hops=settings.trusted_proxy_hops)
    server.add(api_keys_pb2_grpc.add_ApiKeysServiceServicer_to_server, api_keys_servicer)
    service_keys = read_service_keys(settings.service_public_keys_folder)
    service_tokens = ServiceTokens(store, signer, service_keys, clock=clock, new_id=uuid7)
    server.add(
        service_tokens_pb2_grpc.add_ServiceTokensServiceServicer_to_server, ServiceTokensServicer(service_tokens)
    )
    server.add(audit_pb2_grpc.add_AuditServiceServicer_to_server, AuditServicer(AuditReading(store)))
    server.add(audit_pb2_grpc.add_AuditIntakeServiceServicer_to_server, AuditIntakeServicer(AuditIntake(store)))


def build_signer(settings: Settings) -> TokenSigner:
    return TokenSigner(
        read_signing_keys(settings.jwt_private_keys_file),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        life=timedelta(minutes=settings.jwt_expiration_minutes),
    )


def build_passwords(settings: Settings) -> PasswordHashing:
    return PasswordHashing(threads=settings.password_hash_threads, queue=settings.password_hash_queue)


async def serve(settings: Settings) -> None:
    server = await build_server(settings)
    await server.run()


async def provision(settings: Settings, wanted: Wanted) -> str:
    """Makes the tenants and people of the input; gives what is there now as JSON."""
    database = Database(settings.database_url)
    passwords = build_passwords(settings)
    provisioning = Provisioning(
        Store(database),
        passwords,
        build_signer(settings),
        AuditTrail(clock=utc_now, new_id=uuid7),
        timezone=settings.default_timezone,
        clock=utc_now,
        new_id=uuid7,
    )
    try:
        return (await provisioning.provide(wanted)).model_dump_json()
    finally:
        await passwords.close()
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="auth_service", description=__doc__)
    parser.add_argument("command", choices=["serve", "work", "migrate", "provision", "check-config"])
    command = parser.parse_args().command
    settings = load_settings(Settings)
    try:
        if command == "serve":
            run_service(serve(settings))
        elif command == "work":
            run_service(build_worker(settings).run())
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
