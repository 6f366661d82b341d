"""Auth's records in PostgreSQL: each block is one transaction; SQL stands in the `*_store` modules alone."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import psycopg
from service_runtime.database import Database
from service_runtime.errors import AlreadyExists

from auth_service.accounts import NOBODY
from auth_service.assertion_store import AssertionRecords
from auth_service.clean_up_store import DeadRecords
from auth_service.erasure_store import ErasureRecords
from auth_service.lookup_store import Lookups
from auth_service.revocation_store import RevocationRecords
from auth_service.tenant_store import TenantRecords

_TAKEN = {
    "users_email_key": ("EMAIL_TAKEN", "There is an account with this e-mail address already."),
    "tenants_name_key": ("TENANT_NAME_TAKEN", "There is a tenant with this name already; choose another tenant_name."),
    "users_username_key": ("USERNAME_TAKEN", "There is somebody with this user name in the tenant already."),
}


def taken(constraint: str) -> AlreadyExists:
    """Gives the error that tells what is taken, by the name of the unique constraint."""
    return AlreadyExists(*_TAKEN[constraint])


class Store:
    """Opens transactions; what is taken already comes out as AlreadyExists, whoever was first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def before_tenant(self) -> AsyncIterator[Lookups]:
        """Begins a transaction for somebody who may be nobody; it sees no tenant's rows but by the look-ups."""
        async with self._database.tenant_session(NOBODY) as session:
            yield Lookups(session, NOBODY)

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[TenantRecords]:
        """Begins a transaction that sees one tenant."""
        with _named_conflicts():
            async with self._database.tenant_session(tenant_id) as session:
                yield TenantRecords(session, tenant_id)

    @asynccontextmanager
    async def revocations(self) -> AsyncIterator[RevocationRecords]:
        """Begins a transaction on the ended sessions of all tenants."""
        async with self._database.system_session() as session:
            yield RevocationRecords(session)

    @asynccontextmanager
    async def assertions(self) -> AsyncIterator[AssertionRecords]:
        """Begins a transaction on the proofs that services have used."""
        async with self._database.system_session() as session:
            yield AssertionRecords(session)

    @asynccontextmanager
    async def erasures(self) -> AsyncIterator[ErasureRecords]:
        """Begins a transaction on the erasures of tenants."""
        async with self._database.tenant_session(NOBODY) as session:
            yield ErasureRecords(session, NOBODY)

    @asynccontextmanager
    async def dead_records(self) -> AsyncIterator[DeadRecords]:
        """Begins a transaction that deletes what is dead in all tenants."""
        async with self._database.system_session() as session:
            yield DeadRecords(session)


@contextmanager
def _named_conflicts() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        constraint = error.diag.constraint_name
        if constraint not in _TAKEN:
            raise
        raise taken(constraint) from error
