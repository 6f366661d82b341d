"""The state of everything that brings data in, as far as the caller may see it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from service_runtime.database import Database
from service_runtime.identity import Identity, has_role
from service_runtime.jobs import JobQueue, JobRecord

from ingest_service.account_store import Account, AccountStore, name_key
from ingest_service.sight import callers_sight
from ingest_service.status_store import LastImport, LastRun, StatusStore

_JOBS = 20
_ACCOUNTS_AT_ONCE = 1000
_SOURCE_STATUS = {"": "NEVER", "QUEUED": "RUNNING", "RUNNING": "RUNNING", "SUCCEEDED": "OK"}


@dataclass(frozen=True)
class AccountState:
    """How fresh an account is."""

    account: Account
    status: str
    lag_seconds: int
    error: str


@dataclass(frozen=True)
class DataState:
    """How fresh a tenant's data are."""

    accounts: list[AccountState]
    jobs: list[JobRecord]
    sources: list[LastRun]


class DataStatus:
    """The state of the caller's tenant."""

    def __init__(self, database: Database, accounts: AccountStore, store: StatusStore, queue: JobQueue) -> None:
        self._database = database
        self._accounts = accounts
        self._store = store
        self._queue = queue

    async def now(self, caller: Identity) -> DataState:
        async with self._database.tenant_session(caller.tenant_id) as session:
            accounts: list[Account] = []
            sight, after, more = callers_sight(caller), "", True
            while more:
                page = await self._accounts.page(session, sight, after, _ACCOUNTS_AT_ONCE)
                accounts += page
                more = len(page) == _ACCOUNTS_AT_ONCE
                after = name_key(page[-1].username) if page else ""
            lags = await self._store.lags(session)
            errors = _errors(await self._store.last_imports(session))
            sources = await self._store.sources(session) if has_role(caller, "admin") else []
        states = [_state(account, lags, errors.get(name_key(account.username), "")) for account in accounts]
        return DataState(states, await self._queue.list(caller.tenant_id, limit=_JOBS), sources)


def source_status(run: LastRun) -> str:
    """Gives OK, RUNNING or NEVER, and FAILED for all that did not come to a good end."""
    return _SOURCE_STATUS.get(run.status, "FAILED")


def _state(account: Account, lags: dict[int, float], error: str) -> AccountState:
    lag = math.ceil(lags.get(account.id_usuario, 0))
    if not account.is_active:
        status = "INACTIVE"
    elif lag:
        status = "LAGGING"
    else:
        status = "EMPTY" if account.last_sync_at is None else "OK"
    return AccountState(account, status, lag, error)


def _errors(imports: Iterable[LastImport]) -> dict[str, str]:
    """Gives what went wrong with an account's newest import, whatever way its name was written."""
    # Ids are UUIDs of version 7: their order is that of their time.
    newest = {name_key(each.account): each for each in sorted(imports, key=lambda each: each.import_id)}
    return {key: each.error for key, each in newest.items() if each.status == "FAILED"}
