"""The migration that numbers the people who are there already."""

from alembic import command
from alembic.config import Config
from service_runtime.database import engine_url
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
from support import postgres

PEOPLE = """
INSERT INTO users (tenant_id, user_id, email, email_key, username, username_key, full_name, role, password_hash,
                   password_changed_at, is_active, created_at)
SELECT tenant_id, gen_random_uuid(), name || number, name || number, 'u' || number, 'u' || number, '', 'user', '',
       now(), true, now() + make_interval(mins => number)
FROM tenants, generate_series(1, %s) AS number
"""


def test_people_who_are_there_are_numbered_by_their_age() -> None:
    database = postgres.empty_database("auth")
    migrate(database, "0004")
    with postgres.server().connect(database.name) as connection:
        for name in ("one", "other"):
            connection.execute(
                "INSERT INTO tenants VALUES (gen_random_uuid(), %s, %s, 'America/Lima', true, now())", [name, name]
            )
        connection.execute(PEOPLE, [3])
    migrate(database, "head")
    with postgres.server().connect(database.name) as connection:
        numbers = connection.execute(
            """SELECT name, array_agg(number ORDER BY users.created_at), max(last_user_number)
               FROM users JOIN tenants USING (tenant_id) GROUP BY name ORDER BY name"""
        ).fetchall()
    assert numbers == [("one", [1, 2, 3], 3), ("other", [1, 2, 3], 3)]


def migrate(database: postgres.ServiceDatabase, revision: str) -> None:
    """Brings a database to a revision, as `migrate` brings it to the newest."""
    config = Config()
    config.set_main_option("script_location", "auth_service:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["app_role"] = "auth_app"
    engine = create_engine(engine_url(database.migration_url), poolclass=NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
