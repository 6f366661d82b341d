"""People who move in with the hashes of another system."""

import asyncio
import json
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher
from auth_service.__main__ import provision
from auth_service.config import Settings
from auth_service.provisioning import Wanted
from pydantic import ValidationError
from support.auth_running import PASSWORD, RunningAuth
from support.running import refusal

TODAYS = "$argon2id$v=19$m=19456,t=2,p=1$"


@pytest.fixture(autouse=True)
def cost_of_hashes() -> None:
    """That of the running service."""


def bcrypted(password: str, prefix: str = "$2b$") -> str:
    """Gives a hash of a password's first 72 bytes, as older systems make it."""
    return prefix + bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()[4:]


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
async def test_bcrypt_hash_lets_in_and_is_upgraded_by_it(auth: RunningAuth, prefix: str) -> None:
    person = await auth.register()
    old = bcrypted("ñandú-y-puma-2", prefix)
    set_hash(auth, person.user.id, old)
    assert (await refusal(auth.log_in(person.email, "ñandú-y-puma-3"))).reason == "BAD_CREDENTIALS"
    assert stored_hash(auth, person.user.id) == old
    await auth.log_in(person.email, "ñandú-y-puma-2")
    assert stored_hash(auth, person.user.id).startswith(TODAYS)
    await auth.log_in(person.email, "ñandú-y-puma-2")


async def test_beginning_of_a_long_password_is_not_enough_with_bcrypt(auth: RunningAuth) -> None:
    person = await auth.register()
    long = "a-long-Password-of-mine-" * 4
    set_hash(auth, person.user.id, bcrypted(long))
    # bcrypt itself takes all of these for the same.
    for password in (long, long[:72] + "something else", long[:73]):
        assert (await refusal(auth.log_in(person.email, password))).reason == "BAD_CREDENTIALS"
    # 72 bytes are all that the hash tells of; they are the password now.
    await auth.log_in(person.email, long[:72])


async def test_password_of_72_bytes_is_upgraded_whole(auth: RunningAuth) -> None:
    person = await auth.register()
    exact = "ñ" * 36
    set_hash(auth, person.user.id, bcrypted(exact))
    assert (await refusal(auth.log_in(person.email, exact + "x"))).reason == "BAD_CREDENTIALS"
    await auth.log_in(person.email, exact)
    assert (await refusal(auth.log_in(person.email, exact + "x"))).reason == "BAD_CREDENTIALS"
    await auth.log_in(person.email, exact)


@pytest.mark.parametrize("broken", ["$2b$04$short", "$2b$xx$" + "a" * 53, "$2b$", "md5:abc"])
async def test_hash_that_is_none_lets_nobody_in(auth: RunningAuth, broken: str) -> None:
    person = await auth.register()
    set_hash(auth, person.user.id, broken)
    for password in (PASSWORD, "with\0nul-in-it"):
        assert (await refusal(auth.log_in(person.email, password))).reason == "BAD_CREDENTIALS"


async def test_log_ins_at_once_upgrade_one_hash_without_shutting_anybody_out(auth: RunningAuth) -> None:
    person = await auth.register()
    set_hash(auth, person.user.id, bcrypted("together-at-once"))
    replies = await asyncio.gather(*(auth.log_in(person.email, "together-at-once") for _ in range(5)))
    assert all(reply.access_token for reply in replies)
    await auth.log_in(person.email, "together-at-once")


@pytest.mark.parametrize(
    "made",
    [bcrypted("moved-in-Password"), PasswordHasher(1, 8192, 1).hash("moved-in-Password")],
    ids=["bcrypt", "argon2"],
)
async def test_people_move_in_with_their_hash_and_keep_what_they_set_since(
    auth: RunningAuth, settings: Settings, made: str
) -> None:
    name = f"mover-{made[1:3]}"
    (tenant,) = json.loads(await provision(settings, moving(name, password_hash=made)))["tenants"]
    (user,) = tenant["users"]
    assert stored_hash(auth, user["id"]) == made
    token = (await auth.log_in(f"{name}@example.com", "moved-in-Password")).access_token
    assert stored_hash(auth, user["id"]).startswith(TODAYS)
    await auth.change_password(token, "moved-in-Password", "their-own-Password-now")
    await provision(settings, moving(name, password_hash=made))
    await auth.log_in(f"{name}@example.com", "their-own-Password-now")


@pytest.mark.parametrize(
    "person",
    [
        {"password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"},
        {"password_hash": "$2b$31$" + "a" * 53},
        {"password_hash": "$2b$10$" + "a" * 52},
        {"password_hash": "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43},
        {"password_hash": "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43},
        {"password_hash": bcrypted("both-at-once"), "password": "both-at-once"},
    ],
)
def test_hashes_that_cannot_be_checked_are_refused(person: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        moving("nobody", **person)
    assert person["password_hash"] not in str(caught.value.errors(include_input=False, include_context=False))


def moving(name: str, **fields: Any) -> Wanted:
    user = {"username": name, "email": f"{name}@example.com", "role": "user", **fields}
    return Wanted.model_validate({"tenants": [{"name": f"Home of {name}", "users": [user]}]})


def set_hash(auth: RunningAuth, user_id: str, password_hash: str) -> None:
    auth.query("UPDATE users SET password_hash = %s WHERE user_id = %s", password_hash, user_id)


def stored_hash(auth: RunningAuth, user_id: str) -> str:
    (row,) = auth.query("SELECT password_hash FROM users WHERE user_id = %s", user_id)
    return str(row["password_hash"])
