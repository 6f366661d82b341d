"""A tenant leaves: it is shut at once, and everything of it is erased, however long a service is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from atalaya.auth.v1 import api_keys_pb2, people_pb2, recovery_pb2, tenants_pb2
from atalaya.auth.v1.api_keys_pb2_grpc import ApiKeysServiceStub
from atalaya.auth.v1.people_pb2_grpc import PeopleServiceStub
from atalaya.auth.v1.recovery_pb2_grpc import RecoveryServiceStub
from atalaya.auth.v1.tenants_pb2_grpc import TenantsServiceStub
from atalaya.jobs.v1.job_pb2 import JobStatus
from auth_service.config import Settings
from auth_service.erasing import Erasing
from auth_service.erasures import Erasure
from auth_service.parts import build_signer
from auth_service.worker import build_erasing
from service_runtime.database import Database
from service_runtime.errors import AlreadyExists, InvalidArgument, NotFound, PermissionDenied, Unauthenticated
from service_runtime.token_verifier import TokenVerifier
from support.auth_running import PASSWORD, Person, RunningAuth, StartAuth
from support.leaving import HoldingService, holding_services, left_of
from support.revocations import redis_of_its_own, refused_soon
from support.running import refusal
from support.tokens import bearer

# Longer than any token and any call.
HOURS = 2
# An id that nothing has.
NOWHERE = "6f1d6dd4-3d6a-4a0b-9d0c-6c1f52f5a1b0"


@dataclass
class Departure:
    """Auth with its erasing and with the other services."""

    auth: RunningAuth
    erasing: Erasing
    services: dict[str, HoldingService]

    async def sweep(self) -> Erasure:
        erasure = await self.erasing.go_on()
        assert erasure is not None
        return erasure

    async def until_done(self, job_id: str) -> tenants_pb2.Erasure:
        """Lets a little time pass between sweeps, until there is nothing to do for a while."""
        async with asyncio.timeout(30):
            while True:
                while await self.erasing.go_on() is not None:
                    pass
                found = await erasure(self.auth, job_id)
                if found.status == JobStatus.SUCCEEDED:
                    return found
                self.auth.clock.advance(seconds=2)
                # The news of revocations are told in the background.
                await asyncio.sleep(0.05)


Depart = Callable[..., Any]


@pytest.fixture
def depart(start_auth: StartAuth, settings: Settings) -> Depart:
    """Starts auth with four services beside it."""

    @asynccontextmanager
    async def start(**changes: object) -> AsyncIterator[Departure]:
        async with start_auth(**changes) as auth:
            signer = build_signer(settings)

            async def keys() -> bytes:
                return signer.jwks()

            def verifier() -> TokenVerifier:
                return TokenVerifier(keys, "atalaya", "atalaya", lambda: auth.clock().timestamp())

            async with holding_services(verifier) as services:
                addresses = {f"{name}_address": service.address for name, service in services.items()}
                database = Database(settings.database_url)
                erasing = build_erasing(settings.model_copy(update=addresses), database, signer, auth.clock)
                try:
                    yield Departure(auth, erasing, services)
                finally:
                    # Nothing stays due for other tests.
                    auth.query("UPDATE erasures SET leaving = NULL")
                    await database.close()

    return start


def delete(auth: RunningAuth, person: Person, **changes: str) -> Awaitable[tenants_pb2.DeleteTenantResponse]:
    fields = {"password": PASSWORD, "name": person.user.tenant_name, **changes}
    request = tenants_pb2.DeleteTenantRequest(**fields)
    return TenantsServiceStub(auth.channel).DeleteTenant(request, metadata=bearer(person.reply.access_token))


async def erasure(auth: RunningAuth, job_id: str) -> tenants_pb2.Erasure:
    return await TenantsServiceStub(auth.channel).GetErasure(tenants_pb2.GetErasureRequest(job_id=job_id))


async def make_key(auth: RunningAuth, person: Person, role: str = "user") -> str:
    request = api_keys_pb2.CreateApiKeyRequest(name="loader", role=role)
    reply = await ApiKeysServiceStub(auth.channel).CreateApiKey(request, metadata=bearer(person.reply.access_token))
    return str(reply.key)


async def test_nobody_gets_in_from_that_moment_on(depart: Depart) -> None:
    with redis_of_its_own() as redis:
        async with depart(redis_url=redis.url) as departure:
            auth = departure.auth
            person = await auth.register()
            key = await make_key(auth, person)
            # Positive control: all these work before.
            elsewhere = await auth.log_in(person.email)
            await auth.me(elsewhere.access_token)
            await TenantsServiceStub(auth.channel).GetTenant(
                tenants_pb2.GetTenantRequest(), metadata=(("x-api-key", key),)
            )

            reply = await delete(auth, person)
            assert reply.job_id.startswith("auth/")
            assert reply.status == JobStatus.QUEUED
            assert isinstance(await refusal(auth.log_in(person.email)), Unauthenticated)
            assert isinstance(await refusal(auth.refresh(elsewhere.refresh_token)), Unauthenticated)
            # Not `me`, which refuses a shut tenant by itself before the news is there.
            assert (await refused_soon(lambda: auth.list_sessions(elsewhere.access_token))).reason == "TOKEN_REVOKED"
            assert (await refusal(auth.me(person.reply.access_token))).reason == "TOKEN_REVOKED"
            error = await refusal(
                TenantsServiceStub(auth.channel).GetTenant(
                    tenants_pb2.GetTenantRequest(), metadata=(("x-api-key", key),)
                )
            )
            assert isinstance(error, Unauthenticated)


async def test_nothing_is_left_of_the_tenant_and_everything_of_others(depart: Depart) -> None:
    with redis_of_its_own() as redis:
        async with depart(redis_url=redis.url) as departure:
            auth, services = departure.auth, departure.services
            person, other = await auth.register(), await auth.register()
            leaving, staying = UUID(person.user.tenant_id), UUID(other.user.tenant_id)
            for each in (person, other):
                await make_key(auth, each)
                request = people_pb2.InviteUserRequest(email=f"guest-{each.email}", role="user")
                await PeopleServiceStub(auth.channel).InviteUser(request, metadata=bearer(each.reply.access_token))
                forgotten = recovery_pb2.ForgotPasswordRequest(email=each.email.upper())
                await RecoveryServiceStub(auth.channel).ForgotPassword(forgotten)
            for service in services.values():
                service.rows |= {leaving: 10, staying: 7}
                service.objects |= {leaving: 3, staying: 7}
            words = (person.user.tenant_id, person.email, person.user.id, person.user.tenant_name)
            before = left_of(auth.database.name, *words)
            assert before.keys() >= {"tenants", "users", "sessions", "refresh_tokens", "api_keys", "audit_events"}
            # The mails of an invitation and of a reset, of which the second is nobody's.
            assert before["jobs"] == 2
            kept = auth.query("SELECT t::text FROM audit_events t WHERE tenant_id = %s ORDER BY 1", staying)

            job_id = (await delete(auth, person)).job_id
            done = await departure.until_done(job_id)

            # API keys go with the tenant, uncounted.
            assert done.rows >= 40 + before["users"] + before["sessions"] + before["audit_events"]
            assert done.objects == 12
            assert done.finished_at.ToDatetime() >= done.requested_at.ToDatetime()
            # Until its last token has expired, the tenant's id alone stands in two tables.
            assert left_of(auth.database.name, *words) == {"revocations": 1, "erasures": 1}
            assert auth.query("SELECT t::text FROM audit_events t WHERE tenant_id = %s ORDER BY 1", staying) == kept
            assert (await auth.log_in(other.email)).access_token
            assert [(service.rows, service.objects) for service in services.values()] == [
                ({staying: 7}, {staying: 7})
            ] * 4

            auth.clock.advance(hours=HOURS)
            assert (await departure.sweep()).swept_again_at == auth.clock()
            assert await departure.erasing.go_on() is None
            async with asyncio.timeout(90):
                # Revocations that are over are forgotten every minute of the clock.
                while left_of(auth.database.name, *words):
                    auth.clock.advance(minutes=1)
                    await asyncio.sleep(0.1)
            assert (await erasure(auth, job_id)).status == JobStatus.SUCCEEDED


async def test_an_event_without_a_name_proves_it(depart: Depart) -> None:
    async with depart() as departure:
        auth = departure.auth
        person = await auth.register()
        job_id = (await delete(auth, person)).job_id
        auth.clock.advance(hours=HOURS)
        done = await departure.until_done(job_id)
        (event,) = auth.query("SELECT * FROM audit_events WHERE resource = %s", job_id)
        assert (event["tenant_id"], event["action"], event["actor"]) == (UUID(int=0), "tenant.erased", "")
        assert event["details"] == {"rows": str(done.rows), "objects": str(done.objects)}


async def test_names_are_free_again(depart: Depart) -> None:
    async with depart() as departure:
        auth = departure.auth
        person = await auth.register()
        again = {"email": person.email, "tenant_name": person.user.tenant_name}
        # Positive control: they are taken before.
        assert isinstance(await refusal(auth.register(**again)), AlreadyExists)
        job_id = (await delete(auth, person)).job_id
        auth.clock.advance(hours=HOURS)
        await departure.until_done(job_id)
        assert (await auth.register(**again)).user.tenant_id != person.user.tenant_id


async def test_it_goes_on_until_every_service_has_answered(depart: Depart) -> None:
    async with depart() as departure:
        auth, away = departure.auth, departure.services["ml"]
        person = await auth.register()
        leaving = UUID(person.user.tenant_id)
        away.rows[leaving], away.is_away = 5, True
        departure.services["ingest"].rows[leaving] = 4
        job_id = (await delete(auth, person)).job_id
        auth.clock.advance(hours=HOURS)
        pauses = []
        for _ in range(8):
            stands = await departure.sweep()
            assert await departure.erasing.go_on() is None
            pauses.append((stands.due_at - auth.clock()).total_seconds())
            auth.clock.advance(seconds=pauses[-1])
        assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]
        assert (await erasure(auth, job_id)).status == JobStatus.RUNNING
        assert (await erasure(auth, job_id)).rows == 4
        # Auth's own records go last.
        assert left_of(auth.database.name, person.email) != {}

        away.is_away = False
        assert (await departure.until_done(job_id)).rows >= 9
        assert left_of(auth.database.name, person.email) == {}


async def test_without_news_it_is_done_when_the_last_token_has_expired(depart: Depart) -> None:
    async with depart() as departure:
        auth, ingest = departure.auth, departure.services["ingest"]
        person = await auth.register()
        job_id = (await delete(auth, person)).job_id
        for _ in range(5):
            await departure.sweep()
            auth.clock.advance(seconds=30)
        # No Redis: a token that still holds may bring something in.
        assert (await erasure(auth, job_id)).status == JobStatus.RUNNING
        ingest.rows[UUID(person.user.tenant_id)] = 6
        auth.clock.advance(hours=HOURS)
        assert (await departure.sweep()).finished_at is None
        assert (await departure.until_done(job_id)).rows >= 6


async def test_what_a_late_call_brought_is_found_by_the_last_sweep(depart: Depart) -> None:
    with redis_of_its_own() as redis:
        async with depart(redis_url=redis.url) as departure:
            auth, ingest = departure.auth, departure.services["ingest"]
            person = await auth.register()
            job_id = (await delete(auth, person)).job_id
            done = await departure.until_done(job_id)
            ingest.rows[UUID(person.user.tenant_id)] = 6
            auth.clock.advance(hours=HOURS)
            assert (await departure.sweep()).leaving is not None
            auth.clock.advance(seconds=2)
            assert (await departure.sweep()).leaving is None
            late = await erasure(auth, job_id)
            assert (late.status, late.rows) == (JobStatus.SUCCEEDED, done.rows + 6)


async def test_a_worker_that_dies_leaves_the_erasure_to_the_next(depart: Depart) -> None:
    async with depart() as departure:
        auth = departure.auth
        await delete(auth, await auth.register())
        both = await asyncio.gather(departure.erasing.go_on(), departure.erasing.go_on())
        assert [stands is None for stands in both].count(True) == 1
        # As if the one that took it had died.
        auth.query("UPDATE erasures SET due_at = %s WHERE leaving IS NOT NULL", auth.clock.now)
        assert await departure.erasing.go_on() is not None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"password": "wrong-password"}, "WRONG_PASSWORD"), ({"name": "Another company"}, "WRONG_TENANT_NAME")],
)
async def test_a_token_alone_deletes_nothing(auth: RunningAuth, changes: dict[str, str], reason: str) -> None:
    person = await auth.register()
    error = await refusal(delete(auth, person, **changes))
    assert isinstance(error, InvalidArgument)
    assert error.reason == reason
    assert (await auth.log_in(person.email)).access_token
    assert auth.query("SELECT erasure_id FROM erasures WHERE leaving = %s", person.user.tenant_id) == []


async def test_the_name_may_be_written_in_another_way(auth: RunningAuth) -> None:
    person = await auth.register(tenant_name=f"Société {uuid4().hex}")
    reply = await delete(auth, person, name=f"  {person.user.tenant_name.upper()} ")
    assert reply.status == JobStatus.QUEUED


async def test_wrong_passwords_are_counted(auth: RunningAuth) -> None:
    person = await auth.register()
    for _ in range(10):
        await refusal(delete(auth, person, password="wrong-password"))
    assert (await refusal(delete(auth, person))).reason == "TOO_MANY_ATTEMPTS"


async def test_who_is_no_longer_admin_deletes_nothing(auth: RunningAuth) -> None:
    person = await auth.register()
    # The token still says admin.
    auth.query("UPDATE users SET role = 'user' WHERE user_id = %s", person.user.id)
    assert isinstance(await refusal(delete(auth, person)), PermissionDenied)


async def test_programs_delete_no_tenant(auth: RunningAuth) -> None:
    person = await auth.register()
    key = await make_key(auth, person, "admin")
    request = tenants_pb2.DeleteTenantRequest(password=PASSWORD, name=person.user.tenant_name)
    error = await refusal(TenantsServiceStub(auth.channel).DeleteTenant(request, metadata=(("x-api-key", key),)))
    assert error.reason == "USER_NOT_FOUND"


async def test_two_deletions_at_once_are_one(auth: RunningAuth) -> None:
    person = await auth.register()
    replies = await asyncio.gather(delete(auth, person), delete(auth, person), return_exceptions=True)
    assert len([reply for reply in replies if not isinstance(reply, BaseException)]) == 1
    assert len(auth.query("SELECT erasure_id FROM erasures WHERE leaving = %s", person.user.tenant_id)) == 1


@pytest.mark.parametrize("job_id", ["", "auth/", "auth/nobody", f"auth/{NOWHERE}", NOWHERE, f"ml/{NOWHERE}"])
async def test_an_erasure_that_is_not_there_is_not_found(auth: RunningAuth, job_id: str) -> None:
    error = await refusal(erasure(auth, job_id))
    assert isinstance(error, NotFound)
    assert error.reason == "ERASURE_NOT_FOUND"


async def test_the_trail_of_a_tenant_that_stays_cannot_be_erased(
    auth: RunningAuth, as_app: psycopg.Connection[dict[str, Any]]
) -> None:
    active, inactive, leaving, other = [(await auth.register()).user.tenant_id for _ in range(4)]
    auth.query("UPDATE tenants SET is_active = false WHERE tenant_id = ANY(%s::uuid[])", [inactive, leaving])
    for tenant_id in (active, leaving):
        auth.query(
            "INSERT INTO erasures VALUES (gen_random_uuid(), %s, now(), now(), now() + interval '1 day', 0, 0, 0)",
            tenant_id,
        )

    def erase(tenant_id: str, *, inside: str) -> int:
        with as_app.transaction():
            as_app.execute("SELECT set_config('app.tenant_id', %s, true)", [inside])
            row = as_app.execute("SELECT erase_audit(%s) AS events", [tenant_id]).fetchone()
            return int(row["events"]) if row else -1

    assert [erase(tenant_id, inside=tenant_id) for tenant_id in (active, inactive)] == [0, 0]
    assert erase(leaving, inside=other) == 0
    # Positive control.
    assert erase(leaving, inside=leaving) == 1
    left = auth.query("SELECT tenant_id::text FROM audit_events WHERE tenant_id = ANY(%s::uuid[])", [active, inactive])
    assert len(left) == 2
