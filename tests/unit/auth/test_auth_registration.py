"""Registering: what is made, what is refused, and what a refusal says."""

import asyncio
from uuid import UUID

import pytest
from service_runtime.errors import AlreadyExists, InvalidArgument, ResourceExhausted, Unprocessable
from support.auth_running import RunningAuth, StartAuth
from support.running import refusal


async def test_registering_makes_a_tenant_with_its_admin(auth: RunningAuth) -> None:
    reply = (
        await auth.register(email="Ana.Lopez+work@Example.com", full_name="Ana López", tenant_name="Café  del Sur")
    ).reply
    assert (reply.token_type, reply.expires_in) == ("bearer", 3600)
    assert reply.user.email == "Ana.Lopez+work@Example.com"
    assert (reply.user.username, reply.user.full_name) == ("ana.lopez-work", "Ana López")
    assert (reply.user.role, reply.user.tenant_name, reply.user.is_active) == ("admin", "Café del Sur", True)
    assert UUID(reply.user.id).version == UUID(reply.user.tenant_id).version == 7
    assert reply.user.created_at.ToDatetime(auth.clock.now.tzinfo) == auth.clock.now
    assert not reply.user.HasField("last_login_at")


async def test_tenant_is_named_after_the_person_where_no_name_is_given(auth: RunningAuth) -> None:
    person = await auth.register(tenant_name=None, full_name="Rosa Quispe")
    assert person.user.tenant_name == "Rosa Quispe"


async def test_email_taken_in_other_case_is_refused(auth: RunningAuth) -> None:
    await auth.register(email="taken@example.com")
    error = await refusal(auth.register(email="TAKEN@Example.COM"))
    assert isinstance(error, AlreadyExists)
    assert error.reason == "EMAIL_TAKEN"


@pytest.mark.parametrize("name", ["ACME  perú", "acme PERU\u0301", "ＡＣＭＥ Perú"])
async def test_tenant_name_taken_in_other_spelling_is_refused(auth: RunningAuth, name: str) -> None:
    if not auth.query("SELECT 1 FROM tenants WHERE name = 'Acme Perú'"):
        await auth.register(tenant_name="Acme Perú")
    error = await refusal(auth.register(tenant_name=name))
    assert isinstance(error, AlreadyExists)
    assert error.reason == "TENANT_NAME_TAKEN"


async def test_of_two_at_once_with_one_address_one_is_refused(auth: RunningAuth) -> None:
    both = [auth.register(email="twin@example.com") for _ in range(2)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert len(auth.query("SELECT 1 FROM users WHERE email_key = 'twin@example.com'")) == 1


async def test_refused_registration_leaves_no_tenant(auth: RunningAuth) -> None:
    await auth.register(email="first@example.com")
    await refusal(auth.register(email="first@example.com", tenant_name="Never Made"))
    assert auth.query("SELECT 1 FROM tenants WHERE name = 'Never Made'") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", "Ana\x00"),
        ("full_name", "   "),
        ("tenant_name", "Acme\nLtd"),
        ("tenant_name", "evil \u202egnp.exe"),
        ("tenant_name", "\u200d"),
    ],
)
async def test_text_that_misleads_is_refused_by_the_name_of_its_field(
    auth: RunningAuth, field: str, value: str
) -> None:
    error = await refusal(auth.register(**{field: value}))
    assert isinstance(error, InvalidArgument)
    assert (error.reason, error.metadata["field"]) == ("INVALID_TEXT", field)
    assert field in error.message


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "no address"), ("password", "too-short"), ("password", "x" * 129), ("full_name", "")],
)
async def test_limits_of_the_contract_hold(auth: RunningAuth, field: str, value: str) -> None:
    error = await refusal(auth.register(**{field: value}))
    assert isinstance(error, Unprocessable)
    assert [violation.loc[-1] for violation in error.violations] == [field]


@pytest.mark.parametrize(
    "password",
    ["Password123", "QWERTYUIOP", "password2024!", "aaaaaaaaaaaa", "abcabcabcabc", "passwordpassword", "9876543210"],
)
async def test_common_password_is_refused(auth: RunningAuth, password: str) -> None:
    error = await refusal(auth.register(password=password))
    assert isinstance(error, InvalidArgument)
    assert error.reason == "PASSWORD_TOO_COMMON"


@pytest.mark.parametrize("password", ["Juana.Flores@example.com", "juana.flores", "Juana Flores", "llanos del norte"])
async def test_own_name_is_no_password(auth: RunningAuth, password: str) -> None:
    person = {"email": "juana.flores@example.com", "full_name": "Juana Flores", "tenant_name": "Llanos del Norte"}
    error = await refusal(auth.register(**person, password=password))
    assert error.reason == "PASSWORD_TOO_COMMON"


async def test_long_password_is_not_cut(auth: RunningAuth) -> None:
    password = "ñ-long-" * 18
    person = await auth.register(password=password)
    assert (await refusal(auth.log_in(person.email, password[:-1] + "x"))).reason == "BAD_CREDENTIALS"
    await auth.log_in(person.email, password)


async def test_registrations_from_one_source_are_limited(start_auth: StartAuth) -> None:
    async with start_auth(registrations_before_delay=2) as auth:
        for _ in range(2):
            await auth.register(source="203.0.113.1")
        error = await refusal(auth.register(source="203.0.113.1"))
        assert isinstance(error, ResourceExhausted)
        assert (error.reason, error.retry_after) == ("TOO_MANY_ATTEMPTS", 1)
        await auth.register(source="203.0.113.2")
        auth.clock.advance(hours=1)
        await auth.register(source="203.0.113.1")
