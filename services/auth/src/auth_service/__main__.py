"""The auth service: `python -m auth_service serve | work | migrate | provision | check-config`."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from uuid import uuid4

from atalaya.auth.v1 import (
    api_keys_pb2_grpc,
    audit_pb2_grpc,
    auth_pb2_grpc,
    people_pb2_grpc,
    profile_pb2_grpc,
    recovery_pb2_grpc,
    service_tokens_pb2_grpc,
    tenants_pb2_grpc,
)
from atalaya.policies import rpc_policies
from pydantic import ValidationError
from service_runtime.claims import LEEWAY_SECONDS
from service_runtime.config import load_settings
from service_runtime.database import Database
from service_runtime.errors import ServiceError
from service_runtime.jobs import JobQueue, workers_alive
from service_runtime.migrations import run_migrations
from service_runtime.origin import current_origin
from service_runtime.revocations import RevocationNews
from service_runtime.server import Server, run_service
from service_runtime.token_verifier import TokenVerifier
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
from auth_service.invitations import Invitations
from auth_service.jobs_servicer import JobsServicer
from auth_service.joining import Joining
from auth_service.login import Login
from auth_service.mail_jobs import MailJobs
from auth_service.own_password import OwnPassword
from auth_service.own_sessions import OwnSessions
from auth_service.password_change import PasswordChange
from auth_service.passwords import PasswordHashing
from auth_service.people import People
from auth_service.people_servicer import PeopleServicer
from auth_service.profile import OwnProfile
from auth_service.profile_servicer import ProfileServicer
from auth_service.provisioning import Provisioning, Wanted
from auth_service.recovery import Recovery
from auth_service.recovery_servicer import RecoveryServicer
from auth_service.refreshing import Refreshing
from auth_service.registration import Registration
from auth_service.revocation_teller import RevocationTeller
from auth_service.service_keys import read_service_keys
from auth_service.service_tokens import ServiceTokens
from auth_service.service_tokens_servicer import ServiceTokensServicer
from auth_service.sessions import Sessions
from auth_service.sessions_servicer import SessionsServicer
from auth_service.store import Store
from auth_service.tenant_deletion import TenantDeletion
from auth_service.tenants import Tenants
from auth_service.tenants_servicer import TenantsServicer
from auth_service.tokens import KeyFileError, TokenSigner, read_signing_keys
from auth_service.users import Users
from auth_service.users_servicer import UsersServicer
from auth_service.worker import work


def utc_now() -> datetime:
    return datetime.now(UTC)


async def build_server(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Server:
    """Joins the service's parts; `clock` is for tests."""
    signer = build_signer(settings)
    database = Database(settings.database_url)
    store = Store(database)
    passwords = build_passwords(settings)
    audit = AuditTrail(clock=clock, new_id=uuid7)
    sessions = build_sessions(settings, signer, clock)
    limits = AttemptLimits(
        account=settings.login_failures_before_delay,
        source=settings.source_failures_before_delay,
        registration=settings.registrations_before_delay,
        mail=settings.reset_mails_before_delay,
        mail_source=settings.reset_mails_of_source_before_delay,
    )
    registration = Registration(
        store, passwords, sessions, limits, audit, timezone=settings.default_timezone, clock=clock, new_id=uuid7
    )
    joining = Joining(store, passwords, sessions, limits, audit, clock=clock)
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
        registration, joining, login, refreshing, own_sessions, signer, trusted_hops=settings.trusted_proxy_hops
    )
    server.add(auth_pb2_grpc.add_AuthServiceServicer_to_server, auth_servicer)
    users = Users(store)
    own_password = OwnPassword(store, limits, audit, clock=clock)
    password_change = PasswordChange(store, users, passwords, own_password, sessions, audit, clock=clock)
    users_servicer = UsersServicer(users, password_change, trusted_hops=settings.trusted_proxy_hops)
    server.add(auth_pb2_grpc.add_UsersServiceServicer_to_server, users_servicer)
    sessions_servicer = SessionsServicer(own_sessions, trusted_hops=settings.trusted_proxy_hops)
    server.add(auth_pb2_grpc.add_SessionsServiceServicer_to_server, sessions_servicer)
    profile = OwnProfile(store, users, passwords, own_password, sessions, audit, clock=clock)
    profile_servicer = ProfileServicer(profile, trusted_hops=settings.trusted_proxy_hops)
    server.add(profile_pb2_grpc.add_ProfileServiceServicer_to_server, profile_servicer)
    deletion = TenantDeletion(
        store,
        users,
        passwords,
        own_password,
        sessions,
        audit,
        calls_take=timedelta(seconds=max(settings.default_deadline_seconds, settings.stream_deadline_seconds)),
        clock=clock,
        new_secret_id=uuid4,
    )
    tenants_servicer = TenantsServicer(Tenants(store), deletion, trusted_hops=settings.trusted_proxy_hops)
    server.add(tenants_pb2_grpc.add_TenantsServiceServicer_to_server, tenants_servicer)
    queue = JobQueue(database, "auth")
    recovery = Recovery(store, passwords, sessions, MailJobs(queue), limits, audit, clock=clock)
    recovery_servicer = RecoveryServicer(recovery, trusted_hops=settings.trusted_proxy_hops)
    server.add(recovery_pb2_grpc.add_RecoveryServiceServicer_to_server, recovery_servicer)
    _add_people(server, settings, store, sessions, queue, audit, clock)
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


def _add_people(
    server: Server,
    settings: Settings,
    store: Store,
    sessions: Sessions,
    queue: JobQueue,
    audit: AuditTrail,
    clock: Callable[[], datetime],
) -> None:
    """Adds what people of a tenant see of it, and what its admins do."""
    invitations = Invitations(
        store,
        MailJobs(queue),
        audit,
        life=timedelta(days=settings.invitation_days),
        places=settings.users_per_tenant,
        clock=clock,
        new_id=uuid7,
    )
    people = People(store, invitations, sessions, audit, clock=clock)
    people_servicer = PeopleServicer(people, invitations, trusted_hops=settings.trusted_proxy_hops)
    server.add(people_pb2_grpc.add_PeopleServiceServicer_to_server, people_servicer)
    server.add(tenants_pb2_grpc.add_JobsServiceServicer_to_server, JobsServicer(queue))


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


def build_sessions(settings: Settings, signer: TokenSigner, clock: Callable[[], datetime]) -> Sessions:
    refresh_life = timedelta(days=settings.refresh_token_expiration_days)
    return Sessions(signer, refresh_life=refresh_life, clock=clock, new_id=uuid7)


def build_passwords(settings: Settings) -> PasswordHashing:
    return PasswordHashing(threads=settings.password_hash_threads, queue=settings.password_hash_queue)


async def serve(settings: Settings) -> None:
    server = await build_server(settings)
    await server.run()


async def provision(settings: Settings, wanted: Wanted) -> str:
    """Makes the tenants and people of the input; gives what is there now as JSON."""
    database = Database(settings.database_url)
    passwords = build_passwords(settings)
    signer = build_signer(settings)
    provisioning = Provisioning(
        Store(database),
        passwords,
        signer,
        build_sessions(settings, signer, utc_now),
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
