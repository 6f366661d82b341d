"""Posts and metrics that callers change one by one; the lake follows, as it follows imports."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from service_runtime.database import Database, Session
from service_runtime.errors import AlreadyExists, InvalidArgument, NotFound
from service_runtime.identity import Identity
from service_runtime.jobs import AuditOutbox

from ingest_service.account_store import Account, AccountStore
from ingest_service.lake_changes_store import LakeChanges
from ingest_service.post_text import found_hashtags, found_mentions
from ingest_service.record_keys import post_key
from ingest_service.record_kinds import METRIC_RECORDS, POST_RECORDS, RecordKind
from ingest_service.record_row_store import RecordRowStore, no_long_wait
from ingest_service.sight import account_forbidden, callers_sight
from ingest_service.texts import refuse_nul

Row = Mapping[str, Any]


class RecordChanges:
    """Single records of accounts that the caller may see. A row is as an import would have written it."""

    def __init__(
        self,
        database: Database,
        accounts: AccountStore,
        store: RecordRowStore,
        lake_changes: LakeChanges,
        audit: AuditOutbox,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._store = store
        self._lake_changes = lake_changes
        self._audit = audit
        self._now = now

    async def post(self, caller: Identity, username: str, number: int) -> Row:
        async with self._database.tenant_session(caller.tenant_id) as session:
            account = await self._account(session, caller, username)
            return await self._post(session, account, number)

    async def create_post(self, caller: Identity, username: str, values: Row) -> Row:
        """Adds a post; PUBLICACION_EXISTS where the account has the same one."""
        values = _complete(values)
        async with self._changing(caller) as session:
            account = await self._writable_account(session, caller, username, POST_RECORDS)
            row = {**values, "id_usuario": account.id_usuario}
            await self._check_new_post(session, row)
            created = await self._store.insert(session, caller.tenant_id, POST_RECORDS, row)
            await self._note(session, caller, "create_publicacion", POST_RECORDS, created, created)
            # Behind the note, as imports do it: so that none of two waits for the other.
            await self._accounts.mark_synced(session, [account.id_usuario])
        return created

    async def update_post(self, caller: Identity, username: str, number: int, values: Row, numbers: Row) -> Row:
        """Puts new values in the place of all of a post's; the same ones change nothing. `numbers` are what the caller
        says of those that stay, where it says them."""
        values = _complete(values)
        async with self._changing(caller) as session:
            account = await self._writable_account(session, caller, username, POST_RECORDS)
            before = await self._post(session, account, number, hold=True)
            _check_numbers(numbers, {"id": number, "id_usuario": account.id_usuario})
            row = {**values, "id_usuario": account.id_usuario}
            if row["clave"] != before["clave"]:
                await self._check_new_post(session, row)
            if all(before[name] == value for name, value in row.items()):
                return before
            after = await self._store.update(session, POST_RECORDS, number, row)
            await self._note(session, caller, "update_publicacion", POST_RECORDS, before, after)
        return after

    async def delete_post(self, caller: Identity, username: str, number: int) -> None:
        async with self._changing(caller) as session:
            account = await self._writable_account(session, caller, username, POST_RECORDS)
            row = await self._post(session, account, number, hold=True)
            await self._store.delete(session, POST_RECORDS, number)
            await self._note(session, caller, "delete_publicacion", POST_RECORDS, row, row)

    async def create_metric(self, caller: Identity, username: str, values: Row) -> Row:
        """Adds a reading, of now where it says no time; METRICA_EXISTS where the account has one of that time."""
        async with self._changing(caller) as session:
            account = await self._writable_account(session, caller, username, METRIC_RECORDS)
            row = {**values, "hora": values["hora"] or self._now(), "id_usuario": account.id_usuario}
            same = await self._store.by_key(session, METRIC_RECORDS, row)
            if same is not None:
                raise AlreadyExists(
                    "METRICA_EXISTS", "The account has a reading of this time.", id_metrica=same["id_metrica"]
                )
            created = await self._store.insert(session, caller.tenant_id, METRIC_RECORDS, row)
            await self._note(session, caller, "create_metrica", METRIC_RECORDS, created, created)
            # Behind the note, as imports do it: so that none of two waits for the other.
            await self._accounts.mark_synced(session, [account.id_usuario])
        return {**created, "engagement": created["engagement_rate"]}

    @asynccontextmanager
    async def _changing(self, caller: Identity) -> AsyncIterator[Session]:
        with no_long_wait():
            async with self._database.tenant_session(caller.tenant_id) as session:
                yield session

    async def _account(self, session: Session, caller: Identity, username: str) -> Account:
        for account in (await self._accounts.find(session, [username], callers_sight(caller))).values():
            return account
        raise account_forbidden(username)

    async def _writable_account(self, session: Session, caller: Identity, username: str, kind: RecordKind) -> Account:
        """Gives the account, which stays until the session's end, while no other single change of the kind is made."""
        # Who may not see it is told so before anybody is made to wait.
        await self._account(session, caller, username)
        await self._store.take_turn(session, caller.tenant_id, kind)
        return await self._account(session, caller, username)

    async def _post(self, session: Session, account: Account, number: int, *, hold: bool = False) -> Row:
        row = await self._store.by_number(session, POST_RECORDS, account.id_usuario, number, hold=hold)
        if row is None:
            raise NotFound("PUBLICACION_NOT_FOUND", "The account has no such post.", id_publicacion=number)
        return row

    async def _check_new_post(self, session: Session, row: Row) -> None:
        same = await self._store.by_key(session, POST_RECORDS, row)
        if same is not None:
            raise AlreadyExists(
                "PUBLICACION_EXISTS", "The account has this post.", id_publicacion=same["id_publicacion"]
            )

    async def _note(
        self, session: Session, caller: Identity, action: str, kind: RecordKind, before: Row, after: Row
    ) -> None:
        """Tells the trail of a change, and the lake where the row was and where it is."""
        await self._audit.record(
            session,
            tenant_id=caller.tenant_id,
            actor=caller.subject,
            action=action,
            resource=f"{_RESOURCES[kind.name]}/{after[kind.number]}",
        )
        partitions = [kind.partition(row) for row in (before, after)]
        await self._lake_changes.note_and_queue(session, caller.tenant_id, kind, partitions)


_RESOURCES = {"posts": "publicaciones", "metrics": "metricas"}


def _check_numbers(said: Row, true: Row) -> None:
    for name, number in true.items():
        if said[name] not in (None, number):
            raise InvalidArgument("NUMBER_FIXED", f"{name} cannot be changed.", field=name)


def _complete(values: Row) -> dict[str, Any]:
    """Gives a post's values with its key and with what its text tells; raises where a text cannot be kept."""
    refuse_nul(values)
    found = dict(values)
    contenido = values["contenido"]
    if values["hashtags"] is None:
        found["hashtags"] = found_hashtags(contenido)
    if values["menciones"] is None:
        found["menciones"] = found_mentions(contenido)
    found["clave"] = post_key(values["id_externo"], values["fecha_publicacion"], contenido)
    return found
