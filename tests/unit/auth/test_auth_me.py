"""GetMe: the caller as the tenant knows them."""

from datetime import UTC, datetime
from uuid import uuid4

import jwt
from atalaya.auth.v1 import auth_pb2
from auth_service.config import Settings
from auth_service.tokens import read_signing_keys
from service_runtime.errors import NotFound, Unauthenticated
from support.auth_running import RunningAuth
from support.running import refusal


async def test_caller_is_told_about_themselves(auth: RunningAuth) -> None:
    person = await auth.register(full_name="Inés Huamán", tenant_name="Minera Andina")
    me = await auth.me(person.reply.access_token)
    assert me == person.user


async def test_last_log_in_is_the_one_before_this_session(auth: RunningAuth) -> None:
    person = await auth.register()
    registered_at = auth.clock.now
    auth.clock.advance(minutes=5)
    first = await auth.log_in(person.email)
    first_at = auth.clock.now
    auth.clock.advance(minutes=5)
    second = await auth.log_in(person.email)
    assert not (await auth.me(person.reply.access_token)).HasField("last_login_at")
    assert seen(await auth.me(first.access_token)) == registered_at
    assert seen(await auth.me(second.access_token)) == first_at


async def test_without_a_token_nobody_is_told(auth: RunningAuth) -> None:
    assert isinstance(await refusal(auth.me("")), Unauthenticated)


async def test_person_or_tenant_made_inactive_is_refused(auth: RunningAuth) -> None:
    one, other = await auth.register(), await auth.register()
    auth.query("UPDATE users SET is_active = false WHERE user_id = %s", one.user.id)
    auth.query("UPDATE tenants SET is_active = false WHERE tenant_id = %s", other.user.tenant_id)
    for person in (one, other):
        error = await refusal(auth.me(person.reply.access_token))
        assert isinstance(error, Unauthenticated)
        assert error.reason == "INACTIVE"


async def test_program_is_no_person(auth: RunningAuth, settings: Settings) -> None:
    person = await auth.register()
    token = resigned(person.reply.access_token, settings, sub="operator")
    error = await refusal(auth.me(token))
    assert isinstance(error, NotFound)
    assert error.reason == "USER_NOT_FOUND"


async def test_person_of_another_tenant_is_not_found(auth: RunningAuth, settings: Settings) -> None:
    person, stranger = await auth.register(), await auth.register()
    tokens = [
        resigned(person.reply.access_token, settings, tenant_id=tenant_id)
        for tenant_id in (stranger.user.tenant_id, str(uuid4()))
    ]
    refusals = [await refusal(auth.me(token)) for token in tokens]
    assert {(error.reason, error.message) for error in refusals} == {
        ("USER_NOT_FOUND", "There is no such person in the tenant.")
    }
    # The same token with its own tenant does see the person.
    assert (await auth.me(person.reply.access_token)).id == person.user.id


def resigned(token: str, settings: Settings, **changes: str) -> str:
    """Signs a token's claims again, changed: what auth itself would never give."""
    (key,) = read_signing_keys(settings.jwt_private_keys_file)
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, **changes}, key.private_key, algorithm="RS256", headers={"kid": key.key_id})


def seen(me: auth_pb2.User) -> datetime:
    return me.last_login_at.ToDatetime(UTC)
