"""The server: what its rpcs are made of."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from atalaya.auth.v1.api_keys_pb2_grpc import add_ApiKeysServiceServicer_to_server
from atalaya.auth.v1.audit_pb2_grpc import (
    add_AuditIntakeServiceServicer_to_server,
    add_AuditServiceServicer_to_server,
)
from atalaya.auth.v1.auth_pb2_grpc import (
    add_AuthServiceServicer_to_server,
    add_SessionsServiceServicer_to_server,
    add_UsersServiceServicer_to_server,
)
from atalaya.auth.v1.people_pb2_grpc import add_PeopleServiceServicer_to_server
from atalaya.auth.v1.profile_pb2_grpc import add_ProfileServiceServicer_to_server
from atalaya.auth.v1.recovery_pb2_grpc import add_RecoveryServiceServicer_to_server
from atalaya.auth.v1.service_tokens_pb2_grpc import add_ServiceTokensServiceServicer_to_server
from atalaya.auth.v1.tenants_pb2_grpc import add_JobsServiceServicer_to_server, add_TenantsServiceServicer_to_server
from atalaya.policies import rpc_policies
from service_runtime.background import end_task, repeat
from service_runtime.claims import LEEWAY_SECONDS
from service_runtime.jobs import JobQueue, workers_alive
from service_runtime.origin import current_origin
from service_runtime.revocations import RevocationNews
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier
from uuid6 import uuid7

from auth_service.api_key_exchange import ApiKeyExchange
from auth_service.api_keys import ApiKeys
from auth_service.api_keys_servicer import ApiKeysServicer
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
from auth_service.own_deletion import OwnDeletion
from auth_service.own_sessions import OwnSessions
from auth_service.parts import Parts, utc_now
from auth_service.password_change import PasswordChange
from auth_service.people import People
from auth_service.people_servicer import PeopleServicer
from auth_service.profile import OwnProfile
from auth_service.profile_servicer import ProfileServicer
from auth_service.recovery import Recovery
from auth_service.recovery_servicer import RecoveryServicer
from auth_service.refreshing import Refreshing
from auth_service.registration import Registration
from auth_service.revocation_teller import LOOK_EVERY_SECONDS, RevocationTeller
from auth_service.service_keys import read_service_keys
from auth_service.service_tokens import ServiceTokens
from auth_service.service_tokens_servicer import ServiceTokensServicer
from auth_service.sessions_servicer import SessionsServicer
from auth_service.tenant_deletion import TenantDeletion
from auth_service.tenants import Tenants
from auth_service.tenants_servicer import TenantsServicer
from auth_service.users_servicer import UsersServicer


async def build_server(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Server:
    """Joins the server's parts; `clock` is for tests."""
    parts = Parts.build(settings, clock)
    signer = parts.signer
    exchange = ApiKeyExchange(parts.store, signer, parts.limits, parts.audit, clock=clock, new_id=uuid7)

    async def own_keys() -> bytes:
        return signer.jwks()

    async def exchange_key(key: str) -> str:
        return (await exchange.exchange(key, current_origin())).access_token

    verifier = TokenVerifier(own_keys, settings.jwt_issuer, settings.jwt_audience, lambda: clock().timestamp())
    server = Server(settings, policies=rpc_policies(), verifier=verifier, name="auth", exchange_key=exchange_key)
    server.keep_answers(parts.database)
    queue = JobQueue(parts.database, "auth")
    mails = MailJobs(queue)
    own_sessions = OwnSessions(parts.store, parts.sessions, parts.audit, clock=clock)
    _add_access(server, parts, mails, own_sessions)
    _add_oneself(server, parts, own_sessions)
    _add_people(server, parts, queue, mails)
    _add_programs(server, parts, exchange)
    server.add_check("database", parts.database.ping)
    server.add_check("workers", workers_alive(parts.database), critical=False)
    server.on_close(parts.close)
    if server.redis is not None:
        news = RevocationNews(server.redis, keep_seconds=signer.expires_in + LEEWAY_SECONDS)
        teller = RevocationTeller(parts.store, news, clock=clock)
        telling = asyncio.create_task(repeat("telling of ended sessions", teller.tell, LOOK_EVERY_SECONDS))
        server.on_close(lambda: end_task(telling))
    return server


def _add_access(server: Server, parts: Parts, mails: MailJobs, own_sessions: OwnSessions) -> None:
    """Adds how one gets in, stays in, and gets back in."""
    store, passwords, sessions = parts.store, parts.passwords, parts.sessions
    limits, audit = parts.limits, parts.audit
    zone, grace = parts.settings.default_timezone, timedelta(seconds=parts.settings.refresh_grace_seconds)
    clock = parts.clock
    auth_servicer = AuthServicer(
        Registration(store, passwords, sessions, limits, audit, timezone=zone, clock=clock, new_id=uuid7),
        Joining(store, passwords, sessions, limits, audit, clock=clock),
        Login(store, passwords, sessions, limits, audit, clock=clock),
        Refreshing(store, sessions, audit, grace=grace, clock=clock),
        own_sessions,
        parts.signer,
    )
    server.add(add_AuthServiceServicer_to_server, auth_servicer)
    recovery = Recovery(store, passwords, sessions, mails, limits, audit, clock=clock)
    server.add(add_RecoveryServiceServicer_to_server, RecoveryServicer(recovery))


def _add_oneself(server: Server, parts: Parts, own_sessions: OwnSessions) -> None:
    """Adds what people see and change of themselves."""
    store, sessions, audit, clock = parts.store, parts.sessions, parts.audit, parts.clock
    users, own_password = parts.users, parts.own_password
    password_change = PasswordChange(store, users, own_password, sessions, audit, clock=clock)
    server.add(add_UsersServiceServicer_to_server, UsersServicer(users, password_change))
    server.add(add_SessionsServiceServicer_to_server, SessionsServicer(own_sessions, server.pages))
    profile, deletion = OwnProfile(store, users, audit), OwnDeletion(store, users, own_password, sessions, audit)
    server.add(add_ProfileServiceServicer_to_server, ProfileServicer(profile, deletion))


def _add_people(server: Server, parts: Parts, queue: JobQueue, mails: MailJobs) -> None:
    """Adds what people of a tenant see of it, and what its admins do."""
    store, settings, audit, clock = parts.store, parts.settings, parts.audit, parts.clock
    life, places = timedelta(days=settings.invitation_days), settings.users_per_tenant
    invitations = Invitations(store, mails, audit, life=life, places=places, clock=clock, new_id=uuid7)
    people = People(store, invitations, parts.sessions, audit, clock=clock)
    server.add(add_PeopleServiceServicer_to_server, PeopleServicer(people, invitations, server.pages))
    server.add(add_JobsServiceServicer_to_server, JobsServicer(queue))
    deletion = TenantDeletion(
        store,
        parts.users,
        parts.own_password,
        parts.sessions,
        audit,
        calls_take=timedelta(seconds=max(settings.default_deadline_seconds, settings.stream_deadline_seconds)),
        clock=clock,
        new_secret_id=uuid4,
    )
    server.add(add_TenantsServiceServicer_to_server, TenantsServicer(Tenants(store), deletion))


def _add_programs(server: Server, parts: Parts, exchange: ApiKeyExchange) -> None:
    """Adds what programs and services use: keys, tokens, and the trail of what they did."""
    store, settings, clock = parts.store, parts.settings, parts.clock
    most = settings.api_keys_per_tenant
    api_keys = ApiKeys(store, parts.sessions, parts.audit, most=most, clock=clock, new_id=uuid7)
    server.add(add_ApiKeysServiceServicer_to_server, ApiKeysServicer(api_keys, exchange, server.pages))
    service_keys = read_service_keys(settings.service_public_keys_folder)
    service_tokens = ServiceTokens(store, parts.signer, service_keys, clock=clock, new_id=uuid7)
    server.add(add_ServiceTokensServiceServicer_to_server, ServiceTokensServicer(service_tokens))
    server.add(add_AuditServiceServicer_to_server, AuditServicer(AuditReading(store), server.pages))
    server.add(add_AuditIntakeServiceServicer_to_server, AuditIntakeServicer(AuditIntake(store)))
