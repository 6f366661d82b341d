"""Guessing: how many failures are free, how long the waits are, and who is not shut out by them."""

import asyncio
from collections import Counter
from datetime import timedelta

import psycopg
import pytest
from auth_service.attempts import Key, Limit
from auth_service.store import Store
from local_suite.waiting import until
from service_runtime.database import Database
from service_runtime.errors import ResourceExhausted
from support.auth_running import RunningAuth, StartAuth
from support.running import refusal

WRONG = "wrong-password"
WAITING = """SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE NOT granted AND datname = current_database()"""


async def test_failures_in_a_row_make_each_further_attempt_wait_longer(auth: RunningAuth) -> None:
    person = await auth.register()
    for _ in range(10):
        assert (await refusal(auth.log_in(person.email, WRONG))).reason == "BAD_CREDENTIALS"
    for wait in (1, 2, 4):
        error = await refusal(auth.log_in(person.email))
        assert isinstance(error, ResourceExhausted)
        assert (error.reason, error.retry_after) == ("TOO_MANY_ATTEMPTS", wait)
        auth.clock.advance(seconds=wait)
        assert (await refusal(auth.log_in(person.email, WRONG))).reason == "BAD_CREDENTIALS"


async def test_owner_gets_in_after_the_wait_and_begins_anew(auth: RunningAuth) -> None:
    person = await auth.register()
    for _ in range(10):
        await refusal(auth.log_in(person.email, WRONG))
    auth.clock.advance(seconds=1)
    await auth.log_in(person.email)
    assert (await refusal(auth.log_in(person.email, WRONG))).reason == "BAD_CREDENTIALS"
    await auth.log_in(person.email)


async def test_account_that_does_not_exist_is_limited_like_one_that_does(auth: RunningAuth) -> None:
    reasons = [(await refusal(auth.log_in("ghost@example.com", WRONG))).reason for _ in range(11)]
    assert reasons == ["BAD_CREDENTIALS"] * 10 + ["TOO_MANY_ATTEMPTS"]


async def test_attempts_at_once_are_counted_one_by_one(start_auth: StartAuth) -> None:
    async with start_auth(password_hash_queue=100) as auth:
        person = await auth.register()
        errors = await asyncio.gather(*(refusal(auth.log_in(person.email, WRONG)) for _ in range(40)))
    assert Counter(error.reason for error in errors) == {"BAD_CREDENTIALS": 10, "TOO_MANY_ATTEMPTS": 30}


async def test_a_success_holds_counters_in_the_order_of_attempts(auth: RunningAuth) -> None:
    """Otherwise it could hold what an attempt waits for, and wait for what that attempt holds."""
    first, last = (Key("source", bytes([number]) * 32, Limit(10, timedelta(hours=1))) for number in (1, 2))
    database, digests = Database(auth.database.url), [first.digest, last.digest]
    async with Store(database).before_tenant() as records:
        await records.lock_counters([first, last], auth.clock())

    async def succeed() -> None:
        async with Store(database).before_tenant() as records:
            await records.forgive([last], [first])

    with psycopg.connect(auth.database.url) as attempt:
        hold = "SELECT 1 FROM login_attempts WHERE attempt_key = %s FOR UPDATE"
        attempt.execute(hold, [first.digest])
        success = asyncio.create_task(succeed())
        assert await until(lambda: bool(auth.query(WAITING)), 10)
        attempt.execute("SET LOCAL lock_timeout = '1s'")
        attempt.execute(hold, [last.digest])
        attempt.rollback()
        await success
    await database.close()
    kept = auth.query("SELECT attempt_key FROM login_attempts WHERE attempt_key = ANY(%s)", digests)
    assert [row["attempt_key"] for row in kept] == [first.digest]


async def test_other_addresses_do_not_help_against_one_account(auth: RunningAuth) -> None:
    person = await auth.register()
    sources = [f"198.51.100.{number}" for number in range(15)]
    reasons = [(await refusal(auth.log_in(person.email, WRONG, source=source))).reason for source in sources]
    assert Counter(reasons) == {"BAD_CREDENTIALS": 10, "TOO_MANY_ATTEMPTS": 5}


async def test_what_a_client_says_of_its_address_changes_nothing(start_auth: StartAuth) -> None:
    async with start_auth(source_failures_before_delay=5) as auth:
        tries = [auth.log_in(f"p{n}@example.com", WRONG, source=f"192.0.2.{n}, 203.0.113.9") for n in range(8)]
        reasons = [(await refusal(attempt)).reason for attempt in tries]
    assert Counter(reasons) == {"BAD_CREDENTIALS": 5, "TOO_MANY_ATTEMPTS": 3}


async def test_spraying_many_accounts_from_one_source_is_slowed(start_auth: StartAuth) -> None:
    async with start_auth(source_failures_before_delay=5) as auth:
        for number in range(5):
            await refusal(auth.log_in(f"spray{number}@example.com", WRONG, source="2001:db8:1:2::1"))
        error = await refusal(auth.log_in("spray9@example.com", WRONG, source="2001:db8:1:2:aaaa::9"))
        assert (error.reason, error.retry_after) == ("TOO_MANY_ATTEMPTS", 1)
        other = await refusal(auth.log_in("spray9@example.com", WRONG, source="2001:db8:1:3::1"))
        assert other.reason == "BAD_CREDENTIALS"


async def test_own_log_ins_do_not_buy_a_source_more_guesses(start_auth: StartAuth) -> None:
    async with start_auth(source_failures_before_delay=5) as auth:
        own, source = await auth.register(), "203.0.113.50"
        for number in range(5):
            await refusal(auth.log_in(f"between{number}@example.com", WRONG, source=source))
            auth.clock.advance(seconds=1)
            await auth.log_in(own.email, source=source)
        auth.clock.advance(seconds=2)
        assert (await refusal(auth.log_in("between@example.com", WRONG, source=source))).reason == "BAD_CREDENTIALS"
        assert (await refusal(auth.log_in("between@example.com", WRONG, source=source))).retry_after == 2


async def test_guessing_elsewhere_does_not_shut_the_owner_out_at_home(auth: RunningAuth) -> None:
    person = await auth.register(source="203.0.113.77")
    for number in range(11):
        await refusal(auth.log_in(person.email, WRONG, source=f"198.51.100.{number}"))
    assert (await refusal(auth.log_in(person.email, source="198.51.100.99"))).reason == "TOO_MANY_ATTEMPTS"
    await auth.log_in(person.email, source="203.0.113.77")


async def test_limits_can_be_switched_off(start_auth: StartAuth) -> None:
    async with start_auth(login_failures_before_delay=0, source_failures_before_delay=0) as auth:
        person = await auth.register()
        reasons = {(await refusal(auth.log_in(person.email, WRONG, source="203.0.113.5"))).reason for _ in range(12)}
    assert reasons == {"BAD_CREDENTIALS"}


@pytest.mark.parametrize(("failures", "seconds"), [(9, 0), (10, 1), (14, 16), (49, 3600), (50, 86_400), (5000, 86_400)])
def test_wait_grows_to_an_hour_and_from_the_ceiling_is_a_day(failures: int, seconds: int) -> None:
    limit = Limit(10, timedelta(hours=1), ceiling=50)
    assert limit.delay(failures) == timedelta(seconds=seconds)


async def test_no_typed_name_is_kept_of_a_failed_log_in(auth: RunningAuth) -> None:
    await refusal(auth.log_in("my-password-in-the-wrong-field"))
    kept = auth.query("SELECT * FROM login_attempts"), auth.query("SELECT * FROM audit_events")
    assert "wrong-field" not in str(kept)
