"""Asks ingest which accounts a caller may see, and keeps the answer for a short while."""

import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

import grpc
from atalaya.ingest.v1 import accounts_pb2, accounts_pb2_grpc
from service_runtime.errors import PermissionDenied
from service_runtime.identity import Identity

_MOST_KEPT = 4096


class VisibleAccounts:
    """The accounts of each caller, as ingest says."""

    def __init__(
        self, channel: grpc.aio.Channel, *, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stub = accounts_pb2_grpc.SocialAccountsServiceStub(channel)
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[tuple[UUID, str, str], tuple[float, tuple[str, ...]]] = OrderedDict()

    async def of(self, identity: Identity) -> tuple[str, ...]:
        """Gives the user names that a caller may see."""
        key = (identity.tenant_id, identity.subject, identity.role)
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        reply = await self._stub.ListVisibleAccounts(accounts_pb2.ListVisibleAccountsRequest())
        usernames = tuple(reply.usernames)
        self._kept[key] = (self._clock() + self._seconds, usernames)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return usernames

    async def chosen(self, identity: Identity, account: str) -> tuple[str, ...]:
        """Gives the one account that is named, without regard to case, or all where none is."""
        visible = await self.of(identity)
        if not account:
            return visible
        found = tuple(username for username in visible if username.casefold() == account.casefold())
        if not found:
            raise PermissionDenied("ACCOUNT_FORBIDDEN", "You have no access to this account.", account=account)
        return found
