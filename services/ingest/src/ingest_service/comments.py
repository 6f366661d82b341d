"""Comments on an account's posts, as callers ask for them."""

from collections.abc import Sequence
from datetime import datetime

from service_runtime.database import Database
from service_runtime.identity import Identity

from ingest_service.account_store import AccountStore
from ingest_service.comment_store import Comment, CommentFilter, CommentStore
from ingest_service.sight import account_forbidden, callers_sight


class Comments:
    """Comments of accounts that the caller may see."""

    def __init__(self, database: Database, accounts: AccountStore, store: CommentStore) -> None:
        self._database = database
        self._accounts = accounts
        self._store = store

    async def page(
        self,
        caller: Identity,
        username: str,
        wanted: CommentFilter,
        behind: tuple[datetime, int] | None,
        limit: int,
    ) -> Sequence[Comment]:
        """Gives comments behind a place in the list, the newest first."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            for account in (await self._accounts.find(session, [username], callers_sight(caller))).values():
                # No post has an id with a NUL, and the database would not be asked for one.
                if "\0" in wanted.post:
                    return []
                return await self._store.page(session, account.id_usuario, wanted, behind, limit)
        raise account_forbidden(username)
