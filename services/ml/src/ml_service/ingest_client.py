"""Asks ingest which accounts the caller may see."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from atalaya.ingest.v1.accounts_pb2 import ListVisibleAccountsRequest
from service_runtime.errors import PermissionDenied
from service_runtime.identity import Identity

if TYPE_CHECKING:
    # The stub of asyncio has a name for type checkers only.
    from atalaya.ingest.v1.accounts_pb2_grpc import SocialAccountsServiceAsyncStub

_MOST_REMEMBERED = 4096


class VisibleAccounts:
    """Accounts by caller, remembered for a short while."""

    def __init__(
        self,
        ingest: SocialAccountsServiceAsyncStub,
        *,
        keep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ingest = ingest
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._remembered: dict[tuple[UUID, str], tuple[float, dict[str, str]]] = {}

    async def named(self, identity: Identity, username: str) -> str:
        """The account's name as ingest writes it; an account that the caller cannot see is refused, existing or not."""
        name = (await self._visible(identity)).get(username.casefold())
        if name is None:
            raise PermissionDenied("ACCOUNT_FORBIDDEN", "There is no access to this account.", username=username)
        return name

    async def _visible(self, identity: Identity) -> dict[str, str]:
        key = (identity.tenant_id, identity.subject)
        until, names = self._remembered.get(key, (float("-inf"), {}))
        if self._clock() < until:
            return names
        # The channel passes the caller's own token on.
        reply = await self._ingest.ListVisibleAccounts(ListVisibleAccountsRequest())
        names = {name.casefold(): name for name in reply.usernames}
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = (self._clock() + self._keep_seconds, names)
        return names
