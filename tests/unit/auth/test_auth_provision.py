"""The operator's command that makes tenants and people."""

import json
import time
from typing import Any

import pytest
from atalaya.auth.v1 import auth_pb2
from auth_service.__main__ import provision
from auth_service.config import Settings
from auth_service.provisioning import Wanted
from service_runtime.errors import AlreadyExists, Unauthenticated
from service_runtime.identity import Identity
from service_runtime.token_verifier import TokenVerifier
from support.auth_running import RunningAuth
from support.running import refusal


def company(name: str, **user: object) -> Wanted:
    person: dict[str, object] = {
        "username": f"{name}.admin",
        "email": f"admin@{name}.example.com",
        "full_name": "Demo Admin",
        "role": "admin",
        "password": "password123",
        **user,
    }
    return Wanted.model_validate({"tenants": [{"name": name, "timezone": "America/Bogota", "users": [person]}]})


async def test_people_who_were_provisioned_log_in(auth: RunningAuth, settings: Settings) -> None:
    (tenant,) = json.loads(await provision(settings, company("techcorp")))["tenants"]
    reply = await auth.log_in_by_username("techcorp.admin", "password123")
    me = await auth.me(reply.access_token)
    assert (me.id, me.tenant_id) == (tenant["users"][0]["id"], tenant["id"])
    assert (me.role, me.tenant_name, me.full_name) == ("admin", "techcorp", "Demo Admin")


async def test_provisioning_again_changes_nothing(auth: RunningAuth, settings: Settings) -> None:
    first = json.loads(await provision(settings, company("again")))
    before = everything(auth)
    second = json.loads(await provision(settings, company("again")))
    assert everything(auth) == before
    for reply in (first, second):
        del reply["tenants"][0]["loader_token"]
    assert first == second


async def test_only_what_differs_is_changed(auth: RunningAuth, settings: Settings) -> None:
    await provision(settings, company("changing"))
    await provision(settings, company("changing", role="viewer", password=None))
    reply = await auth.log_in_by_username("changing.admin", "password123")
    assert (await auth.me(reply.access_token)).role == "viewer"
    await provision(settings, company("changing", role="viewer", password="another-password"))
    await auth.log_in_by_username("changing.admin", "another-password")
    await refusal(auth.log_in_by_username("changing.admin", "password123"))


async def test_another_password_ends_the_sessions_of_the_old_one(auth: RunningAuth, settings: Settings) -> None:
    await provision(settings, company("compromised"))
    session = await auth.log_in_by_username("compromised.admin", "password123")
    await provision(settings, company("compromised"))
    refreshed = await auth.refresh(session.refresh_token)
    await provision(settings, company("compromised", password="another-password"))
    assert (await refusal(auth.refresh(refreshed.refresh_token))).reason == "BAD_REFRESH_TOKEN"


async def test_inactive_tenant_is_made_but_nobody_logs_in(auth: RunningAuth, settings: Settings) -> None:
    wanted = company("startup")
    wanted.tenants[0].is_active = False
    await provision(settings, wanted)
    assert (await refusal(auth.log_in_by_username("startup.admin", "password123"))).reason == "BAD_CREDENTIALS"


async def test_loader_token_is_of_role_user_for_an_hour(auth: RunningAuth, settings: Settings) -> None:
    (tenant,) = json.loads(await provision(settings, company("loaded")))["tenants"]
    identity = await verify(auth, tenant["loader_token"], time.time())
    assert (str(identity.tenant_id), identity.role, identity.timezone) == (tenant["id"], "user", "America/Bogota")
    # What it loads is not counted against the limits of calls.
    assert identity.unlimited
    await verify(auth, tenant["loader_token"], time.time() + 3500)
    with pytest.raises(Unauthenticated, match="TOKEN_EXPIRED"):
        await verify(auth, tenant["loader_token"], time.time() + 3700)


async def test_address_of_another_tenant_is_refused(auth: RunningAuth, settings: Settings) -> None:
    person = await auth.register()
    with pytest.raises(AlreadyExists, match="EMAIL_TAKEN"):
        await provision(settings, company("thief", email=person.email))
    assert auth.query("SELECT 1 FROM tenants WHERE name = 'thief'") == []


async def verify(auth: RunningAuth, token: str, now: float) -> Identity:
    async def keys() -> bytes:
        return bytes((await auth.calls.GetJwks(auth_pb2.GetJwksRequest())).data)

    return await TokenVerifier(keys, "atalaya", "atalaya", lambda: now).verify(token)


def everything(auth: RunningAuth) -> list[list[dict[str, Any]]]:
    """Gives all rows that provisioning writes."""
    return [
        auth.query("SELECT * FROM tenants ORDER BY tenant_id"),
        auth.query("SELECT * FROM users ORDER BY user_id"),
        auth.query("SELECT * FROM audit_events ORDER BY tenant_id, event_id"),
    ]
