"""Accounts in PostgreSQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service_runtime.database import Session
from service_runtime.errors import AlreadyExists
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ingest_service.counter_store import take_import_turn, take_numbers
from ingest_service.record_kinds import RECORD_KINDS
from ingest_service.sight import Sight

_COLUMNS = "account_id, id_usuario, platform, username, is_active, last_sync_at, created_at, sync_interval_minutes"
_INSERT = text(
    "INSERT INTO accounts (tenant_id, account_id, id_usuario, platform, username, username_key) "  # noqa: S608
    "VALUES (:tenant_id, :account_id, :id_usuario, :platform, :username, :username_key) "
    f"RETURNING {_COLUMNS}"
)
_INSERT_MANY = text(
    "INSERT INTO accounts (tenant_id, platform, account_id, id_usuario, username, username_key) "
    "SELECT :tenant_id, 'csv', * FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS integer[]), "
    "CAST(:usernames AS text[]), CAST(:keys AS text[])) ON CONFLICT (tenant_id, username_key) DO NOTHING"
)
# The one place that says who may see an account; see `sight` for what a caller brings.
_VISIBLE = (
    "(:sees_all OR NOT EXISTS (SELECT FROM account_access AS access "
    "WHERE access.tenant_id = accounts.tenant_id AND access.id_usuario = accounts.id_usuario "
    "AND NOT (access.roles && CAST(:roles AS text[]) "
    "OR coalesce(CAST(:person AS uuid) = ANY(access.users), false))))"
)
_LIST = text(
    f"SELECT {_COLUMNS} FROM accounts WHERE username_key > :after AND {_VISIBLE} "  # noqa: S608
    "ORDER BY username_key LIMIT :limit"
)
_FIND = text(f"SELECT {_COLUMNS} FROM accounts WHERE username_key = ANY(:keys) AND {_VISIBLE}")  # noqa: S608
_NAMES = text(f"SELECT username FROM accounts WHERE {_VISIBLE} ORDER BY username_key")  # noqa: S608
_HIDES = text(
    "SELECT EXISTS (SELECT FROM accounts WHERE (CAST(:keys AS text[]) IS NULL OR username_key = ANY(:keys)) "  # noqa: S608
    f"AND NOT {_VISIBLE})"
)
_BY_ID = text(f"SELECT {_COLUMNS} FROM accounts WHERE account_id = :account_id AND {_VISIBLE} FOR UPDATE")  # noqa: S608
_UPDATE = text(
    "UPDATE accounts SET is_active = coalesce(CAST(:is_active AS boolean), is_active), "  # noqa: S608
    "sync_interval_minutes = coalesce(CAST(:minutes AS integer), sync_interval_minutes) "
    f"WHERE account_id = :account_id RETURNING {_COLUMNS}"
)
# Who may see an account goes with it, by the foreign key.
_DELETE = tuple(
    text(f"DELETE FROM {table} WHERE id_usuario = :id_usuario")  # noqa: S608
    for table in (*RECORD_KINDS, "accounts")
)
# What an import of the account's could not take is the account's too.
_DELETE_REJECTED = text(
    "DELETE FROM rejected_rows USING imports WHERE imports.tenant_id = rejected_rows.tenant_id "
    "AND imports.import_id = rejected_rows.import_id AND lower(request->>'account') = lower(:username)"
)
# Rows of a file of many accounts are shown to who may see all accounts; one that is gone is hidden from nobody.
_DELETE_REJECTED_OF_HIDDEN = text(
    "DELETE FROM rejected_rows USING imports WHERE imports.tenant_id = rejected_rows.tenant_id "
    "AND imports.import_id = rejected_rows.import_id AND request->>'account_column' <> '' "
    "AND strpos(lower(raw), lower(:username)) > 0 "
    "AND EXISTS (SELECT FROM account_access WHERE id_usuario = :id_usuario)"
)
_SYNCED = text("UPDATE accounts SET last_sync_at = now() WHERE id_usuario = ANY(:numbers)")


@dataclass(frozen=True)
class Account:
    """An account of the tenant; `id_usuario` is its number there."""

    account_id: UUID
    id_usuario: int
    platform: str
    username: str
    is_active: bool
    last_sync_at: datetime | None
    created_at: datetime
    sync_interval_minutes: int = 30


def name_key(username: str) -> str:
    """Gives the name without outer spaces and case, by which accounts are the same."""
    return username.strip().casefold()


class AccountStore:
    """Accounts of the session's tenant."""

    async def insert(
        self, session: Session, tenant_id: UUID, account_id: UUID, platform: str, username: str
    ) -> Account:
        """Adds an account; raises AlreadyExists where the name is taken, and the session is then of no more use."""
        number = await take_numbers(session, tenant_id, "accounts", 1) + 1
        values = {
            "tenant_id": tenant_id,
            "account_id": account_id,
            "id_usuario": number,
            "platform": platform,
            "username": username.strip(),
            "username_key": name_key(username),
        }
        try:
            return Account(**(await session.execute(_INSERT, values)).mappings().one())
        except IntegrityError as error:
            if "accounts_username_key" not in str(error.orig):
                raise
            raise AlreadyExists("ACCOUNT_EXISTS", "The tenant has this account already.", username=username) from error

    async def reserve(self, session: Session, tenant_id: UUID, count: int) -> int:
        """Takes numbers for new accounts, in a session of its own so that nobody has to wait; gives the first."""
        return await take_numbers(session, tenant_id, "accounts", count) + 1

    async def ensure(
        self, session: Session, tenant_id: UUID, usernames: Sequence[str], ids: Sequence[UUID], first: int
    ) -> None:
        """Adds the accounts of these names with numbers from `first`; those that somebody added meanwhile stay."""
        values = {
            "tenant_id": tenant_id,
            "ids": list(ids),
            "numbers": list(range(first, first + len(usernames))),
            "usernames": [name.strip() for name in usernames],
            "keys": [name_key(name) for name in usernames],
        }
        await session.execute(_INSERT_MANY, values)

    async def page(self, session: Session, sight: Sight, after: str, limit: int) -> list[Account]:
        """Gives the accounts in sight behind a name key, by name."""
        rows = await session.execute(_LIST, {**_values(sight), "after": after, "limit": limit})
        return [Account(**row) for row in rows.mappings()]

    async def find(self, session: Session, usernames: Iterable[str], sight: Sight) -> dict[str, Account]:
        """Gives those of these names that are accounts in sight, by name key."""
        # No account has a name with a NUL, and the database would not be asked for one.
        keys = sorted({name_key(name) for name in usernames if "\0" not in name})
        rows = await session.execute(_FIND, {**_values(sight), "keys": keys})
        return {name_key(row["username"]): Account(**row) for row in rows.mappings()}

    async def visible_names(self, session: Session, sight: Sight) -> list[str]:
        return list((await session.execute(_NAMES, _values(sight))).scalars())

    async def hides(self, session: Session, sight: Sight, username: str = "") -> bool:
        """Tells whether the account is the tenant's but out of sight; without a name, whether any account is."""
        if "\0" in username:
            return False
        values = {**_values(sight), "keys": [name_key(username)] if username else None}
        return bool((await session.execute(_HIDES, values)).scalar_one())

    async def by_id(self, session: Session, account_id: UUID, sight: Sight) -> Account | None:
        """Gives an account in sight, which then stays as it is until the session's end."""
        row = (await session.execute(_BY_ID, {**_values(sight), "account_id": account_id})).mappings().one_or_none()
        return Account(**row) if row is not None else None

    async def update(
        self, session: Session, account_id: UUID, *, is_active: bool | None, minutes: int | None
    ) -> Account:
        """Changes what is given."""
        values = {"account_id": account_id, "is_active": is_active, "minutes": minutes}
        return Account(**(await session.execute(_UPDATE, values)).mappings().one())

    async def take_turn(self, session: Session, tenant_id: UUID) -> None:
        """Waits for everybody who writes records of the tenant: imports, and single changes."""
        for kind in RECORD_KINDS:
            await take_import_turn(session, tenant_id, kind)
        for kind in RECORD_KINDS:
            await take_numbers(session, tenant_id, kind, 0)

    async def delete(self, session: Session, account: Account) -> None:
        """Deletes an account with its records and what was rejected of its imports."""
        values = {"id_usuario": account.id_usuario, "username": account.username}
        for statement in (_DELETE_REJECTED, _DELETE_REJECTED_OF_HIDDEN, *_DELETE):
            await session.execute(statement, values)

    async def mark_synced(self, session: Session, numbers: Sequence[int]) -> None:
        await session.execute(_SYNCED, {"numbers": list(numbers)})


def _values(sight: Sight) -> dict[str, object]:
    return {"sees_all": sight.sees_all, "roles": list(sight.roles), "person": sight.person}
