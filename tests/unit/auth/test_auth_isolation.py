"""Row-level security in auth's database, each proof with its positive control."""

from typing import Any

import psycopg
import pytest
from auth_service.mail_tokens import mail_token_hash
from auth_service.tokens import refresh_token_hash
from support.auth_people import PeopleAndMail
from support.auth_running import Person, RunningAuth

Connection = psycopg.Connection[dict[str, Any]]
TENANT_TABLES = ["tenants", "users", "sessions", "refresh_tokens", "audit_events"]
DEFINERS = "FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"


async def test_service_role_sees_one_tenant_only(auth: RunningAuth, as_app: Connection) -> None:
    one, other = await auth.register(), await auth.register()
    both = [one.user.tenant_id, other.user.tenant_id]
    for table in TENANT_TABLES:
        query = f"SELECT DISTINCT tenant_id::text AS tenant FROM {table} WHERE tenant_id = ANY(%s::uuid[])"  # noqa: S608
        assert {row["tenant"] for row in auth.query(query, both)} == set(both)
        with as_app.transaction():
            enter(as_app, one)
            assert [row["tenant"] for row in as_app.execute(query, [both])] == [one.user.tenant_id]


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_without_a_tenant_nothing_is_seen(
    auth: RunningAuth, as_app: Connection, as_owner: Connection, table: str
) -> None:
    await auth.register()
    count = f"SELECT count(*) AS rows FROM {table}"  # noqa: S608
    assert auth.query(count)[0]["rows"] > 0
    for connection in (as_app, as_owner):
        assert connection.execute(count).fetchone() == {"rows": 0}
        with connection.transaction():
            connection.execute("SELECT set_config('app.tenant_id', '', true)")
            assert connection.execute(count).fetchone() == {"rows": 0}


async def test_malformed_tenant_is_an_error(auth: RunningAuth, as_app: Connection) -> None:
    await auth.register()
    with pytest.raises(psycopg.errors.InvalidTextRepresentation), as_app.transaction():
        as_app.execute("SELECT set_config('app.tenant_id', 'all', true)")
        as_app.execute("SELECT * FROM users").fetchall()


async def test_row_cannot_be_moved_or_written_to_another_tenant(auth: RunningAuth, as_app: Connection) -> None:
    one, other = await auth.register(), await auth.register()
    statements = [
        "UPDATE sessions SET tenant_id = %s",
        "UPDATE tenants SET tenant_id = %s",
        "INSERT INTO audit_events VALUES (%s, gen_random_uuid(), now(), '', '', '', '', '', '', '', '{}')",
    ]
    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), as_app.transaction():
            enter(as_app, one)
            as_app.execute(statement, [other.user.tenant_id])
    with as_app.transaction():
        enter(as_app, one)
        # An update that matches nobody else's rows succeeds and changes none of them.
        changed = as_app.execute("UPDATE users SET role = 'viewer' WHERE user_id = %s", [other.user.id])
        assert changed.rowcount == 0
        assert as_app.execute("UPDATE users SET role = 'viewer' WHERE user_id = %s", [one.user.id]).rowcount == 1


async def test_look_ups_see_every_tenant_but_only_what_they_answer(auth: RunningAuth, as_app: Connection) -> None:
    one, other = await auth.register(), await auth.register()
    for person in (one, other):
        found = as_app.execute(
            "SELECT user_id::text, known_source FROM find_account_by_email(%s, '', now())", [person.email]
        )
        assert found.fetchall() == [{"user_id": person.user.id, "known_source": False}]
    names = as_app.execute("SELECT find_tenant_by_name(%s)::text AS found", [one.user.tenant_name.casefold()])
    assert names.fetchone() == {"found": one.user.tenant_id}
    token_hash = refresh_token_hash(other.reply.refresh_token)
    sessions = as_app.execute("SELECT tenant_id::text FROM find_session_by_refresh_token(%s)", [token_hash])
    assert sessions.fetchall() == [{"tenant_id": other.user.tenant_id}]


async def test_tokens_of_mails_are_found_in_every_tenant_but_their_records_in_their_own(
    people: PeopleAndMail, as_app: Connection
) -> None:
    one, other = await people.auth.register(), await people.auth.register()
    tokens = {}
    await people.invite(one.reply.access_token, "isolated@example.com")
    await people.deliver()
    tokens["invitation"] = people.mail.token()
    await people.forget(one.email)
    await people.deliver()
    tokens["password_reset"] = people.mail.token()
    for name, token in tokens.items():
        found = as_app.execute(f"SELECT find_tenant_by_{name}_token(%s)::text AS found", [mail_token_hash(token)])
        assert found.fetchone() == {"found": one.user.tenant_id}
    for table in ("invitations", "password_resets"):
        count = f"SELECT count(*) AS rows FROM {table} WHERE tenant_id = %s"  # noqa: S608
        for person, seen in ((one, 1), (other, 0)):
            with as_app.transaction():
                enter(as_app, person)
                assert as_app.execute(count, [one.user.tenant_id]).fetchone() == {"rows": seen}


async def test_look_ups_do_not_read_what_the_caller_puts_in_the_way(auth: RunningAuth, as_app: Connection) -> None:
    person = await auth.register()
    as_app.execute("CREATE TEMPORARY TABLE users (email_key text)")
    as_app.execute("SET search_path = pg_temp, public")
    try:
        assert as_app.execute("SELECT email_is_taken(%s) AS taken", [person.email]).fetchone() == {"taken": True}
    finally:
        as_app.execute("DROP TABLE pg_temp.users")


def test_every_tenant_table_is_isolated_by_force(auth: RunningAuth) -> None:
    open_tables = auth.query(
        """SELECT relname FROM pg_class c
           WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
             AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
             AND NOT (relrowsecurity AND relforcerowsecurity
                      AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'
                                  AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL))"""
    )
    assert open_tables == []
    others = auth.query(
        """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
           AND NOT relrowsecurity ORDER BY relname"""
    )
    own = [row["relname"] for row in others if not row["relname"].startswith("procrastinate_")]
    assert own == ["alembic_version", "erasures", "login_attempts", "revocations", "service_assertions"]


def test_look_ups_have_a_fixed_search_path_and_are_not_for_the_public(auth: RunningAuth) -> None:
    functions = auth.query(f"SELECT proname, proconfig, array_to_string(proacl, ' ') AS rights {DEFINERS}")
    assert {function["proname"] for function in functions} >= {
        *("find_account_by_email", "find_tenant_by_invitation_token", "find_tenant_by_password_reset_token"),
        *("delete_dead_sessions", "delete_dead_login_attempts", "erase_audit"),
    }
    for function in functions:
        assert function["proconfig"] == ["search_path=pg_catalog, pg_temp"]
        assert function["rights"].split() == ["auth_owner=X/auth_owner", "auth_app=X/auth_owner"]


def test_service_role_owns_nothing_and_can_become_nobody(auth: RunningAuth, as_app: Connection) -> None:
    owned = auth.query("SELECT relname FROM pg_class WHERE relowner = 'auth_app'::regrole")
    (role,) = auth.query("SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = 'auth_app'")
    assert owned == []
    assert role == {"rolsuper": False, "rolbypassrls": False, "rolcreaterole": False}
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app.execute("SET ROLE auth_owner")


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET outcome = 'OK'", "DELETE FROM audit_events"])
async def test_audit_trail_is_only_ever_added_to(auth: RunningAuth, as_app: Connection, statement: str) -> None:
    person = await auth.register()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"), as_app.transaction():
        enter(as_app, person)
        as_app.execute(statement)
    with as_app.transaction():
        enter(as_app, person)
        assert as_app.execute("SELECT action FROM audit_events").fetchall() == [{"action": "user.register"}]


def enter(connection: Connection, person: Person) -> None:
    connection.execute("SELECT set_config('app.tenant_id', %s, true)", [person.user.tenant_id])
