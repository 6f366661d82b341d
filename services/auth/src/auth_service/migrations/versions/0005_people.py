"""People: numbers, settings, invitations, resets of passwords; what makes their tokens void."""

from alembic import op
from service_runtime.migrations import app_role, enable_tenant_isolation

revision = "0005"
down_revision = "0004"

ACCOUNT_COLUMNS = """tenant_id uuid, user_id uuid, email_key text, username text, username_key text, role text,
    timezone text, access_version integer, password_hash text, is_active boolean, known_source boolean"""

# As in 0001, with the access version.
FIND_ACCOUNT = """
    SELECT u.tenant_id, u.user_id, u.email_key, u.username, u.username_key, u.role, t.timezone, u.access_version,
           u.password_hash, u.is_active AND t.is_active,
           from_source <> '' AND EXISTS (
               SELECT FROM public.sessions s
               WHERE s.tenant_id = u.tenant_id AND s.user_id = u.user_id
                 AND s.created_at >= seen_since AND s.source = from_source)
    FROM public.users u JOIN public.tenants t ON t.tenant_id = u.tenant_id
"""

FIND_ACCOUNT_BY = {
    "find_account_by_email": f"{FIND_ACCOUNT} WHERE u.email_key = wanted",
    "find_account_by_username": f"""{FIND_ACCOUNT} WHERE u.username_key = wanted
        AND (SELECT count(*) FROM public.users namesake WHERE namesake.username_key = wanted) = 1""",  # noqa: S608
}

# A trigger, since the release before this one inserts people too. The tenant's row is locked until the transaction
# ends, so people who join at once get one number after the other.
NUMBER_PERSON = """
CREATE FUNCTION number_person() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $number$
BEGIN
    UPDATE public.tenants SET last_user_number = last_user_number + 1 WHERE tenant_id = NEW.tenant_id
        RETURNING last_user_number INTO NEW.number;
    RETURN NEW;
END $number$
"""

TABLES = """
-- An invitation's id becomes the person's. Its token is made when its mail is, so that it stands nowhere before.
CREATE TABLE invitations (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    invitation_id uuid NOT NULL,
    email text NOT NULL,
    email_key text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'user', 'admin')),
    invited_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    token_hash bytea CONSTRAINT invitations_token UNIQUE,
    accepted_at timestamptz,
    withdrawn_at timestamptz,
    PRIMARY KEY (tenant_id, invitation_id)
);
CREATE UNIQUE INDEX invitations_open ON invitations (tenant_id, email_key)
    WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
-- One for a person at most: another mail makes the token of the one before void.
CREATE TABLE password_resets (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL CONSTRAINT password_resets_token UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE
)
"""

# What is deleted, with its key and when. It is for no caller to say what is dead: the time is the database's own.
LONG_AGO = "now() - interval '30 days'"
DEAD = {
    "sessions": ("tenant_id, session_id", f"LEAST(ended_at, expires_at) < {LONG_AGO}"),
    # Used ones are kept until they expire: their second use ends the session.
    "refresh_tokens": ("tenant_id, token_id", "expires_at < now()"),
    "password_resets": ("tenant_id, user_id", "expires_at < now()"),
    "invitations": ("tenant_id, invitation_id", f"LEAST(accepted_at, withdrawn_at, expires_at) < {LONG_AGO}"),
    # Those of resets hold addresses as they were typed, and belong to nobody whose end would take them along.
    "jobs": (
        "id",
        f"""finished_at < CASE kind WHEN 'send_reset_mail' THEN now() - interval '1 day'
            WHEN 'send_invitation_mail' THEN {LONG_AGO} END""",
    ),
    # Counters without a window, those of accounts, count for as long as anybody tries.
    "login_attempts": (
        "attempt_key",
        f"""COALESCE(blocked_until, since) < CASE WHEN kind = 'account' THEN {LONG_AGO}
            ELSE now() - interval '1 hour' END AND since < now() - interval '1 hour'""",
    ),
}


def upgrade() -> None:
    """Changes what 0001 and 0003 made."""
    _let_tokens_be_void_by_kind()
    _count_access_versions()
    _number_people()
    _let_people_have_settings()
    _let_people_be_invited_and_come_back()
    _let_dead_records_be_deleted()


def _let_tokens_be_void_by_kind() -> None:
    """Besides sessions (and API keys, which stand in a token's place of the session), tenants and people's rights."""
    op.execute("ALTER TABLE revocations RENAME COLUMN session_id TO subject")
    op.execute(
        """ALTER TABLE revocations
               ADD COLUMN kind text NOT NULL DEFAULT 'session' CHECK (kind IN ('session', 'tenant', 'person')),
               ADD COLUMN version integer NOT NULL DEFAULT 0,
               DROP CONSTRAINT revocations_pkey,
               ADD PRIMARY KEY (kind, subject)"""
    )


def _count_access_versions() -> None:
    """A person's access version rises when their rights change; tokens of a lower one are void."""
    op.execute("ALTER TABLE users ADD COLUMN access_version integer NOT NULL DEFAULT 0")
    for name, body in FIND_ACCOUNT_BY.items():
        op.execute(f"DROP FUNCTION {name}(text, text, timestamptz)")
        signature = f"{name}(wanted text, from_source text, seen_since timestamptz)"
        create_lookup(signature, f"TABLE ({ACCOUNT_COLUMNS})", body)


def create_lookup(signature: str, result: str, body: str) -> None:
    """Creates a look-up that sees past the isolation of tenants, for the service's role alone."""
    op.execute(
        f"""CREATE FUNCTION {signature} RETURNS {result}
            LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
            AS $lookup$ {body} $lookup$"""
    )
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {app_role()}")


def _number_people() -> None:
    op.execute("ALTER TABLE tenants ADD COLUMN last_user_number integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE users ADD COLUMN number integer")
    # Row-level security binds the owner too, and here it must see everybody.
    for table in ("users", "tenants"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        """UPDATE users SET number = numbered.number
           FROM (SELECT tenant_id, user_id,
                        row_number() OVER (PARTITION BY tenant_id ORDER BY created_at, user_id) AS number
                 FROM users) AS numbered
           WHERE users.tenant_id = numbered.tenant_id AND users.user_id = numbered.user_id"""
    )
    op.execute(
        """UPDATE tenants SET last_user_number = (
               SELECT count(*) FROM users WHERE users.tenant_id = tenants.tenant_id)"""
    )
    for table in ("users", "tenants"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE users ALTER COLUMN number SET NOT NULL")
    op.execute("ALTER TABLE users ADD CONSTRAINT users_number_key UNIQUE (tenant_id, number)")
    op.execute(NUMBER_PERSON)
    op.execute("CREATE TRIGGER number_person BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION number_person()")


def _let_people_have_settings() -> None:
    """What is null was never set."""
    op.execute(
        """ALTER TABLE users
               ADD COLUMN language text CHECK (language IN ('es', 'en')),
               ADD COLUMN timezone text,
               ADD COLUMN email_notifications boolean NOT NULL DEFAULT true"""
    )


def _let_people_be_invited_and_come_back() -> None:
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    for table in ("invitations", "password_resets"):
        enable_tenant_isolation(table)
        op.execute(f"CREATE POLICY lookups ON {table} FOR SELECT TO CURRENT_USER USING (current_user <> session_user)")
    for table, name in (("invitations", "invitation"), ("password_resets", "password_reset")):
        create_lookup(
            f"find_tenant_by_{name}_token(wanted bytea)",
            "uuid",
            f"SELECT tenant_id FROM public.{table} WHERE token_hash = wanted",  # noqa: S608
        )


def _let_dead_records_be_deleted() -> None:
    """Clean-up sees all tenants, so it is a function for each table that deletes nothing but what is dead for good."""
    op.execute("CREATE POLICY lookups ON jobs FOR SELECT TO CURRENT_USER USING (current_user <> session_user)")
    for table in ("sessions", "refresh_tokens", "password_resets", "invitations", "jobs"):
        op.execute(f"CREATE POLICY clean_up ON {table} FOR DELETE TO CURRENT_USER USING (current_user <> session_user)")
    op.execute("CREATE INDEX sessions_by_end ON sessions (LEAST(ended_at, expires_at))")
    op.execute("CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at)")
    for table, (key, is_dead) in DEAD.items():
        _create_clean_up(table, key, is_dead)


def _create_clean_up(table: str, key: str, is_dead: str) -> None:
    signature = f"delete_dead_{table}(batch integer)"
    # The condition stands there twice: it is looked at again where a row was changed meanwhile.
    op.execute(
        f"""CREATE FUNCTION {signature} RETURNS bigint
            LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
            AS $clean_up$
                WITH deleted AS (
                    DELETE FROM public.{table} WHERE {is_dead} AND ({key}) IN (
                        SELECT {key} FROM public.{table} WHERE {is_dead} LIMIT batch)
                    RETURNING 1)
                SELECT count(*) FROM deleted
            $clean_up$"""  # noqa: S608
    )
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {app_role()}")
