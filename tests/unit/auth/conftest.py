"""The auth service in this process, on a database of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from auth_service import passwords
from auth_service.config import Settings
from auth_service.server import build_server
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from psycopg.rows import dict_row
from support import postgres
from support.auth_people import PeopleAndMail
from support.auth_running import Clock, RunningAuth, StartAuth
from support.mail_server import mail_server
from support.running import running, socket_address
from support.statements import statements_sent


@pytest.fixture(scope="session")
def auth_database() -> postgres.ServiceDatabase:
    """A migrated database; tests keep apart by their tenants."""
    return postgres.database_for("auth")


@pytest.fixture(scope="session")
def signing_key_pem() -> bytes:
    """A private key for signing."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(autouse=True)
def cost_of_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes hashes that cost nothing, of which most tests need many; those of hashes themselves pay the real price."""
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)
    monkeypatch.setattr(passwords, "PASSES", 1)


@pytest.fixture
def settings(auth_database: postgres.ServiceDatabase, signing_key_pem: bytes, tmp_path: Path) -> Settings:
    """The settings of a service under test."""
    key_file = tmp_path / "keys.pem"
    key_file.write_bytes(signing_key_pem)
    return Settings(
        database_url=auth_database.url,
        migration_database_url=auth_database.migration_url,
        jwt_private_keys_file=str(key_file),
        drain_seconds=0,
    )


@pytest.fixture
def start_auth(settings: Settings, auth_database: postgres.ServiceDatabase) -> StartAuth:
    """Starts the service with other settings than the usual ones."""

    @asynccontextmanager
    async def start(**changes: object) -> AsyncIterator[RunningAuth]:
        clock = Clock()
        async with socket_address() as address:
            changed = settings.model_copy(update={"listen_address": address, **changes})
            server = await build_server(changed, clock=clock)
            async with running(server) as channel:
                yield RunningAuth(channel, auth_database, clock)

    return start


@pytest.fixture
async def auth(start_auth: StartAuth) -> AsyncIterator[RunningAuth]:
    """The service, running."""
    async with start_auth() as service:
        yield service


@pytest.fixture
async def people(auth: RunningAuth, settings: Settings) -> AsyncIterator[PeopleAndMail]:
    """The service with a mail server."""
    async with mail_server() as mail:
        yield PeopleAndMail(auth, settings, mail)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The statements that the service sends to its database."""
    with statements_sent() as sent:
        yield sent


@pytest.fixture
def as_app(auth_database: postgres.ServiceDatabase) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection with the service's own role."""
    with psycopg.connect(auth_database.url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def as_owner(auth_database: postgres.ServiceDatabase) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection of the role that owns the tables."""
    with psycopg.connect(auth_database.migration_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection
