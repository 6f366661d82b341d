"""Clean-up: what is dead for good goes, everything else stays, in every tenant."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from auth_service.clean_up import EVERY_SECONDS, CleanUp
from auth_service.store import Store
from service_runtime.background import repeating
from service_runtime.database import Database
from support import postgres
from support.auth_people import PeopleAndMail
from support.auth_running import StartAuth
from support.mail_server import mail_server
from support.running import refusal


@pytest.fixture
async def alone(start_auth: StartAuth, settings: Any) -> AsyncIterator[PeopleAndMail]:
    """The service with a database that no other test writes to."""
    database = postgres.database_for("auth")
    async with start_auth(database_url=database.url) as auth, mail_server() as mail:
        auth.database = database
        yield PeopleAndMail(auth, settings, mail)


@pytest.fixture
async def clean_up(alone: PeopleAndMail) -> AsyncIterator[CleanUp]:
    database = Database(alone.auth.database.url)
    yield CleanUp(Store(database), batch=3)
    await database.close()


async def test_nothing_that_is_alive_is_deleted(alone: PeopleAndMail, clean_up: CleanUp) -> None:
    admin = await alone.auth.register(source="203.0.113.1")
    await alone.add(admin)
    await alone.invite(admin.reply.access_token, "open@example.com")
    await alone.forget(admin.email, source="203.0.113.1")
    await alone.deliver()
    await refusal(alone.auth.log_in(admin.email, "wrong-password", source="203.0.113.2"))
    await alone.auth.refresh(admin.reply.refresh_token)
    before = everything(alone)
    assert set((await clean_up.run_once()).values()) == {0}
    assert everything(alone) == before
    assert all(before.values())


async def test_dead_sessions_and_tokens_of_all_tenants_are_deleted_in_batches(
    alone: PeopleAndMail, clean_up: CleanUp
) -> None:
    people = [await alone.auth.register() for _ in range(5)]
    for person in people:
        await alone.auth.log_in(person.email)
        await alone.auth.log_out(person.reply.access_token)
    age(alone, "sessions", "ended_at", days=31)
    age(alone, "refresh_tokens", "expires_at", days=31)
    deleted = await clean_up.run_once()
    # Those that did not end live on, without the tokens that are too old.
    assert (deleted["sessions"], len(everything(alone)["sessions"])) == (5, 5)
    assert everything(alone)["refresh_tokens"] == []
    age(alone, "sessions", "expires_at", days=61)
    assert (await clean_up.run_once())["sessions"] == 5


async def test_used_refresh_token_is_kept_until_it_expires(alone: PeopleAndMail, clean_up: CleanUp) -> None:
    person = await alone.auth.register()
    newest = await alone.auth.refresh(person.reply.refresh_token)
    alone.auth.query("UPDATE refresh_tokens SET used_at = used_at - interval '29 days' WHERE used_at IS NOT NULL")
    await clean_up.run_once()
    alone.auth.clock.advance(minutes=1)
    # Its second use still ends the session.
    assert (await refusal(alone.auth.refresh(person.reply.refresh_token))).reason == "BAD_REFRESH_TOKEN"
    assert (await refusal(alone.auth.refresh(newest.refresh_token))).reason == "BAD_REFRESH_TOKEN"


async def test_dead_invitations_resets_and_mails_are_deleted(alone: PeopleAndMail, clean_up: CleanUp) -> None:
    admin = await alone.auth.register()
    token = admin.reply.access_token
    await alone.add(admin)
    withdrawn = await alone.invite(token, "withdrawn@example.com")
    await alone.change(token, withdrawn.id, is_active=False)
    await alone.invite(token, "expired@example.com")
    await alone.forget(admin.email)
    await alone.deliver()
    age(alone, "invitations", "accepted_at", days=31)
    age(alone, "invitations", "withdrawn_at", days=31)
    age(alone, "password_resets", "expires_at", days=1)
    age(alone, "jobs", "finished_at", days=1)
    deleted = await clean_up.run_once()
    assert [deleted[kind] for kind in ("invitations", "password_resets", "jobs")] == [2, 1, 1]
    age(alone, "jobs", "finished_at", days=30)
    assert (await clean_up.run_once())["jobs"] == 3
    age(alone, "invitations", "expires_at", days=38)
    assert (await clean_up.run_once())["invitations"] == 1


async def test_counters_without_effect_are_deleted(alone: PeopleAndMail, clean_up: CleanUp) -> None:
    await alone.auth.register(source="203.0.113.9")
    await refusal(alone.auth.log_in("somebody@example.com", "wrong-password", source="203.0.113.9"))
    for column in ("since", "blocked_until"):
        age(alone, "login_attempts", column, hours=2)
    assert (await clean_up.run_once())["login_attempts"] == 2
    # That of the account counts on, until nobody has tried for a month.
    assert [row["kind"] for row in everything(alone)["login_attempts"]] == ["account"]
    for column in ("since", "blocked_until"):
        age(alone, "login_attempts", column, days=30)
    assert (await clean_up.run_once())["login_attempts"] == 1


async def test_clean_up_goes_on_by_itself_and_ends_when_it_is_told(alone: PeopleAndMail, clean_up: CleanUp) -> None:
    person = await alone.auth.register()
    await alone.auth.log_out(person.reply.access_token)
    age(alone, "sessions", "ended_at", days=31)
    async with repeating("clean-up", clean_up.run_once, EVERY_SECONDS), asyncio.timeout(30):
        while everything(alone)["sessions"]:  # noqa: ASYNC110 - rows say nothing by themselves
            await asyncio.sleep(0.05)


async def test_service_role_itself_still_cannot_delete_what_it_does_not_see(alone: PeopleAndMail) -> None:
    await alone.auth.register()
    with psycopg.connect(alone.auth.database.url, autocommit=True) as connection:
        assert connection.execute("DELETE FROM sessions").rowcount == 0
    with psycopg.connect(alone.auth.database.migration_url, autocommit=True) as connection:
        assert connection.execute("DELETE FROM sessions").rowcount == 0
    assert len(everything(alone)["sessions"]) == 1


def age(people: PeopleAndMail, table: str, column: str, *, days: int = 0, hours: int = 0) -> None:
    """Makes rows older: the database's own clock says what is dead."""
    older = f"UPDATE {table} SET {column} = {column} - make_interval(days => %s, hours => %s)"  # noqa: S608
    people.auth.query(older, days, hours)


def everything(people: PeopleAndMail) -> dict[str, list[dict[str, Any]]]:
    """Gives all rows that clean-up might delete."""
    tables = ("sessions", "refresh_tokens", "password_resets", "invitations", "jobs", "login_attempts")
    return {table: people.auth.query(f"SELECT * FROM {table}") for table in tables}  # noqa: S608
