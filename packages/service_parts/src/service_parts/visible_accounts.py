"""Asks ingest which accounts a caller may see, and keeps the answer for a short while."""

from collections.abc import Callable, Mapping
from typing import TypeAlias
from uuid import UUID

import grpc
from atalaya.ingest.v1.accounts_pb2 import ListVisibleAccountsRequest
from atalaya.ingest.v1.accounts_pb2_grpc import SocialAccountsServiceStub
from service_runtime.errors import PermissionDenied
from service_runtime.identity import Identity
from service_runtime.kept_answers import KeptAnswers

_Caller: TypeAlias = tuple[UUID, str, str, str]


class VisibleAccounts:
    """The accounts of each caller, as ingest says; `channel` leads to ingest."""

    def __init__(self, channel: grpc.aio.Channel, *, keep_seconds: float, clock: Callable[[], float]) -> None:
        self._ingest = SocialAccountsServiceStub(channel)
        self._kept: KeptAnswers[_Caller, Mapping[str, str]] = KeptAnswers(keep_seconds, clock=clock)

    async def all_of(self, identity: Identity) -> tuple[str, ...]:
        """Gives the user names that the caller may see."""
        return tuple((await self._names(identity)).values())

    async def named(self, identity: Identity, username: str) -> str:
        """Gives the account's name as ingest writes it; one that the caller cannot see is refused, existing or not."""
        name = (await self._names(identity)).get(_key(username))
        if name is None:
            # It may be younger than the kept answer.
            self._kept.forget(_caller(identity))
            name = (await self._names(identity)).get(_key(username))
        if name is None:
            raise PermissionDenied("ACCOUNT_FORBIDDEN", "Your company has no such account.", account=username)
        return name

    async def _names(self, identity: Identity) -> Mapping[str, str]:
        return await self._kept.get(_caller(identity), self._ask)

    async def _ask(self) -> Mapping[str, str]:
        # The channel passes the caller's own token on.
        reply = await self._ingest.ListVisibleAccounts(ListVisibleAccountsRequest())
        return {_key(name): name for name in reply.usernames}


def _caller(identity: Identity) -> _Caller:
    return identity.tenant_id, identity.kind, identity.subject, identity.role


def _key(username: str) -> str:
    return username.strip().casefold()
