"""What PostgreSQL's catalog must say of a database that tenants share; each lint brings an offence it must find."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

# Keys that hold over all tenants, each for its reason. Everything else begins with tenant_id.
KEYS_OVER_ALL = {
    "jobs_pkey": "a worker finds a job by its id alone, which is random",
    "users_email_key": "an address is one person's in the whole system",
    "tenants_name_key": "a tenant's name is its own in the whole system",
    "refresh_tokens_hash": "a hash of a random token, looked up before the tenant is known",
    "invitations_token": "a hash of a random token, looked up before the tenant is known",
    "password_resets_token": "a hash of a random token, looked up before the tenant is known",
    "api_keys_hash": "a hash of a random key, looked up before the tenant is known",
}
# Tables that are no tenant's, each for its reason.
TABLES_OF_NOBODY = {
    "alembic_version": "the schema's version",
    "procrastinate_jobs": "the queue: what is in it is a tenant's id and a job's id",
    "procrastinate_events": "the queue",
    "procrastinate_workers": "the queue",
    "procrastinate_periodic_defers": "the queue",
    "login_attempts": "counted before a tenant is known, under hashes",
    "revocations": "random ids only; outlives sessions, people and tenants",
    "erasures": "outlives its tenant, to tell how the erasure went",
    "service_assertions": "proofs of services, which are no tenant's",
}
# Of these nobody changes or deletes a row.
ONLY_ADDED_TO = {"audit_events"}

OWN_ROWS = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)"
INSIDE_A_DEFINER = "(CURRENT_USER <> SESSION_USER)"
TENANT_TABLES = """
    WITH tenant_tables AS (
        SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, a.attnum AS tenant_column, a.attnotnull,
               a.atttypid
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p'))
"""


@dataclass(frozen=True)
class Lint:
    """A query that names what is wrong, with `tenant_tables` at hand, and an offence against it."""

    name: str
    query: str
    offence: str

    def findings(self, connection: Connection, owner: str, app: str) -> list[str]:
        """Names every offender."""
        values: dict[str, Any] = {
            "owner": owner,
            "app": app,
            "own_rows": OWN_ROWS,
            "inside_a_definer": INSIDE_A_DEFINER,
            "keys_over_all": list(KEYS_OVER_ALL),
            "of_nobody": list(TABLES_OF_NOBODY),
            "only_added_to": list(ONLY_ADDED_TO),
        }
        return [
            f"{self.name}: {found}"
            for (found,) in connection.execute((TENANT_TABLES + self.query).encode(), values).fetchall()
        ]


def all_findings(connection: Connection, owner: str, app: str) -> list[str]:
    """Runs every lint."""
    return [found for lint in LINTS for found in lint.findings(connection, owner, app)]


TABLES = [
    Lint(
        "row-level security is not enabled and forced",
        "SELECT relname FROM tenant_tables WHERE NOT (relrowsecurity AND relforcerowsecurity)",
        "ALTER TABLE things NO FORCE ROW LEVEL SECURITY",
    ),
    Lint(
        "tenant_id may be missing or is no uuid",
        "SELECT relname FROM tenant_tables WHERE NOT attnotnull OR atttypid <> 'uuid'::regtype",
        "ALTER TABLE notes ALTER COLUMN tenant_id DROP NOT NULL",
    ),
    Lint(
        "no policy holds every verb to the tenant, in USING and WITH CHECK",
        """SELECT relname FROM tenant_tables t WHERE NOT EXISTS (
                 SELECT FROM pg_policy WHERE polrelid = t.oid AND polcmd = '*' AND polpermissive AND polroles = '{0}'
                    AND pg_get_expr(polqual, polrelid) = %(own_rows)s
                    AND pg_get_expr(polwithcheck, polrelid) = %(own_rows)s)""",
        "DROP POLICY tenant_isolation ON things",
    ),
    Lint(
        "a policy lets more through than the tenant's rows",
        """SELECT polrelid::regclass || '.' || polname FROM pg_policy p
           WHERE polpermissive
             AND (coalesce(pg_get_expr(polqual, polrelid), %(own_rows)s) <> %(own_rows)s
                  OR coalesce(pg_get_expr(polwithcheck, polrelid), %(own_rows)s) <> %(own_rows)s)
             AND NOT (polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = %(owner)s)]
                      AND polcmd IN ('r', 'd') AND pg_get_expr(polqual, polrelid) = %(inside_a_definer)s)""",
        "CREATE POLICY everything ON things FOR SELECT USING (true)",
    ),
    Lint(
        "a table has no tenant_id and is not on the list of those that are nobody's",
        """SELECT relname FROM pg_class c
           WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f')
             AND relname <> ALL (%(of_nobody)s)
             AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id')""",
        "CREATE TABLE leftovers (id integer)",
    ),
    Lint(
        "a key does not begin with tenant_id",
        """SELECT i.indexrelid::regclass::text FROM tenant_tables t JOIN pg_index i ON i.indrelid = t.oid
             WHERE i.indisunique AND i.indkey[0] <> t.tenant_column
               AND (SELECT relname FROM pg_class WHERE oid = i.indexrelid) <> ALL (%(keys_over_all)s)""",
        "CREATE UNIQUE INDEX by_id ON things (id)",
    ),
    Lint(
        "a foreign key does not lead from tenant_id to tenant_id",
        """SELECT k.conrelid::regclass || '.' || k.conname FROM pg_constraint k
             JOIN tenant_tables there ON there.oid = k.confrelid
             LEFT JOIN tenant_tables here ON here.oid = k.conrelid
             WHERE k.contype = 'f'
               AND NOT coalesce(k.conkey[1] = here.tenant_column AND k.confkey[1] = there.tenant_column, false)""",
        """ALTER TABLE things ADD UNIQUE (id); ALTER TABLE notes ADD FOREIGN KEY (thing_id) REFERENCES things (id)""",
    ),
    Lint(
        "rows that are only added to can be changed",
        """SELECT relname FROM pg_class WHERE relname = ANY (%(only_added_to)s) AND relkind = 'r'
             AND (has_table_privilege(%(app)s, oid, 'UPDATE') OR has_table_privilege(%(app)s, oid, 'DELETE'))""",
        "CREATE TABLE audit_events (tenant_id uuid NOT NULL); GRANT UPDATE ON audit_events TO {app}",
    ),
]
ROLES = [
    Lint(
        "a role may pass by row-level security or make roles",
        """SELECT rolname FROM pg_roles WHERE rolname IN (%(owner)s, %(app)s)
             AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)""",
        "ALTER ROLE {app} BYPASSRLS",
    ),
    Lint(
        "the service's role is a member of another",
        """SELECT rolname FROM pg_roles WHERE rolname <> %(app)s AND pg_has_role(%(app)s, oid, 'MEMBER')""",
        "GRANT {owner} TO {app}",
    ),
    Lint(
        "the service's role owns something",
        """SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend
           WHERE deptype = 'o' AND refclassid = 'pg_authid'::regclass
             AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = %(app)s)
             AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))""",
        "GRANT CREATE ON SCHEMA public TO {app}; ALTER TABLE things OWNER TO {app}",
    ),
    Lint(
        "the service's role may empty, refer to or hook into a table, which row-level security does not see",
        """SELECT c.relname || ' ' || r.name FROM pg_class c
           CROSS JOIN unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) AS r (name)
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
             AND has_table_privilege(%(app)s, c.oid, r.name)""",
        "GRANT TRUNCATE ON things TO {app}",
    ),
    Lint(
        "everybody has a right to a table, or to make things in the schema",
        """SELECT relname FROM pg_class c, aclexplode(c.relacl) g
           WHERE relnamespace = 'public'::regnamespace AND g.grantee = 0
           UNION ALL
           SELECT nspname FROM pg_namespace WHERE nspname = 'public'
             AND (has_schema_privilege(%(app)s, oid, 'CREATE')
                  OR EXISTS (SELECT FROM aclexplode(nspacl) g WHERE g.grantee = 0))
           UNION ALL
           SELECT datname FROM pg_database WHERE datname = current_database()
             AND has_database_privilege(%(app)s, oid, 'CREATE')""",
        "GRANT SELECT ON things TO PUBLIC",
    ),
]
CODE = [
    Lint(
        "a view is not security_invoker",
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
             AND (relkind = 'm' OR relkind = 'v' AND NOT coalesce(reloptions && ARRAY[
                 'security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false))""",
        "CREATE VIEW all_things AS SELECT * FROM things",
    ),
    Lint(
        "a SECURITY DEFINER function has no fixed search_path",
        """SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
             AND NOT coalesce(proconfig && ARRAY['search_path=pg_catalog, pg_temp'], false)""",
        """CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM things';
           REVOKE ALL ON FUNCTION peek() FROM PUBLIC""",
    ),
    Lint(
        "a SECURITY DEFINER function is not the owner role's",
        """SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
             AND pg_get_userbyid(proowner) <> %(owner)s""",
        """CREATE FUNCTION peek() RETURNS integer LANGUAGE sql SECURITY DEFINER
             SET search_path = pg_catalog, pg_temp AS 'SELECT 1'; REVOKE ALL ON FUNCTION peek() FROM PUBLIC""",
    ),
    Lint(
        "everybody may call a SECURITY DEFINER function",
        """SELECT p.proname FROM pg_proc p WHERE prosecdef AND pronamespace = 'public'::regnamespace
             AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
                         WHERE g.grantee = 0)""",
        """CREATE FUNCTION peek() RETURNS integer LANGUAGE sql SECURITY DEFINER
             SET search_path = pg_catalog, pg_temp AS 'SELECT 1'""",
    ),
]
LINTS = [*TABLES, *ROLES, *CODE]
