"""Logging in by e-mail and by user name, and the one answer to all that is wrong."""

from hashlib import sha256

import pytest
from service_runtime.errors import Unauthenticated
from support.auth_running import RunningAuth
from support.running import refusal


async def test_person_logs_in_by_email_in_any_case(auth: RunningAuth) -> None:
    await auth.register(email="Mila@Example.com")
    reply = await auth.log_in(" mila@EXAMPLE.com")
    assert (reply.token_type, reply.expires_in) == ("bearer", 3600)
    assert (await auth.me(reply.access_token)).email == "Mila@Example.com"


@pytest.mark.parametrize("name", ["carlos.rio", "CARLOS.Rio", "carlos.rio@example.com"])
async def test_person_logs_in_by_user_name_or_address(auth: RunningAuth, name: str) -> None:
    if not auth.query("SELECT 1 FROM users WHERE username = 'carlos.rio'"):
        await auth.register(email="carlos.rio@example.com")
    reply = await auth.log_in_by_username(name)
    assert (await auth.me(reply.access_token)).username == "carlos.rio"


async def test_user_name_of_two_tenants_logs_nobody_in(auth: RunningAuth) -> None:
    await auth.register(email="lucia@one.example.com")
    await auth.log_in_by_username("lucia")
    second = await auth.register(email="lucia@two.example.com")
    assert (await refusal(auth.log_in_by_username("lucia"))).reason == "BAD_CREDENTIALS"
    await auth.log_in(second.email)


async def test_every_refusal_is_the_same(auth: RunningAuth) -> None:
    person, inactive, of_inactive_tenant = [await auth.register() for _ in range(3)]
    auth.query("UPDATE users SET is_active = false WHERE user_id = %s", inactive.user.id)
    auth.query("UPDATE tenants SET is_active = false WHERE tenant_id = %s", of_inactive_tenant.user.tenant_id)
    refusals = [
        await refusal(auth.log_in(person.email, "not the password")),
        await refusal(auth.log_in("nobody@example.com")),
        await refusal(auth.log_in(inactive.email)),
        await refusal(auth.log_in(of_inactive_tenant.email)),
        await refusal(auth.log_in_by_username("nobody")),
        await refusal(auth.log_in_by_username("no\0body")),
        await refusal(auth.log_in("@" * 254, "\0")),
        await refusal(auth.log_in_by_username(inactive.user.username)),
    ]
    assert all(isinstance(error, Unauthenticated) for error in refusals)
    assert {(error.reason, error.message, *error.metadata.items()) for error in refusals} == {
        ("BAD_CREDENTIALS", "The name or the password is wrong.")
    }


async def test_every_refusal_costs_the_same_statements(auth: RunningAuth, statements: list[str]) -> None:
    person, inactive = await auth.register(), await auth.register()
    auth.query("UPDATE users SET is_active = false WHERE user_id = %s", inactive.user.id)
    costs = []
    for email in (person.email, "nobody@example.com", inactive.email):
        statements.clear()
        await refusal(auth.log_in(email, "wrong-password", source="203.0.113.200"))
        costs.append(list(statements))
    assert len(costs[0]) > 5
    assert costs[0] == costs[1] == costs[2]


async def test_each_log_in_is_a_session_with_a_family_of_its_own(auth: RunningAuth) -> None:
    person = await auth.register()
    replies = [await auth.log_in(person.email, source="198.51.100.7") for _ in range(2)]
    assert replies[0].refresh_token != replies[1].refresh_token
    sessions = auth.query("SELECT * FROM sessions WHERE user_id = %s ORDER BY session_id", person.user.id)
    tokens = auth.query("SELECT * FROM refresh_tokens WHERE tenant_id = %s", person.user.tenant_id)
    assert [session["source"] for session in sessions] == ["", "198.51.100.7", "198.51.100.7"]
    assert sessions[-1]["user_agent"].startswith("grpc-python")
    assert len({token["family_id"] for token in tokens}) == len({token["session_id"] for token in tokens}) == 3


async def test_refresh_token_is_stored_as_its_hash_alone(auth: RunningAuth) -> None:
    person = await auth.register()
    token = person.reply.refresh_token
    (stored,) = auth.query("SELECT * FROM refresh_tokens WHERE tenant_id = %s", person.user.tenant_id)
    assert stored["token_hash"] == sha256(token.encode()).digest()
    assert (stored["expires_at"] - stored["issued_at"]).days == 30
    assert len(token) == 43
    assert token not in str(stored)


async def test_password_is_the_same_however_its_accents_are_typed(auth: RunningAuth) -> None:
    person = await auth.register(password="caf\u00e9-con-leche-y-pan")
    await auth.log_in(person.email, "cafe\u0301-con-leche-y-pan")
