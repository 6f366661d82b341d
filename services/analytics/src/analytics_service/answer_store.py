"""Finished replies in memory, within a bound of bytes that no tenant can use up at the others' cost."""

from collections import OrderedDict
from collections.abc import Hashable
from uuid import UUID

from google.protobuf.message import Message

from analytics_service.metrics import ANSWER_BYTES

# What a reply takes beside its bytes: its key, and the places in the tables that hold it.
_OVERHEAD_BYTES = 512


class AnswerStore:
    """Replies by tenant and key; where the bound is passed, the tenant that holds most loses what it used longest ago.

    A reply counts with the bytes that it has on the wire; in memory it takes two to three times as much.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[UUID, OrderedDict[Hashable, tuple[Message, int]]] = {}
        self._held: dict[UUID, int] = {}
        self._bytes = 0

    def find(self, tenant_id: UUID, key: Hashable) -> Message | None:
        own = self._kept.get(tenant_id)
        if own is None or key not in own:
            return None
        own.move_to_end(key)
        return own[key][0]

    def keep(self, tenant_id: UUID, key: Hashable, reply: Message) -> None:
        own = self._kept.setdefault(tenant_id, OrderedDict())
        size = reply.ByteSize() + _OVERHEAD_BYTES
        self._count(tenant_id, size - own.pop(key, (reply, 0))[1])
        own[key] = reply, size
        while self._bytes > self._most_bytes:
            self._drop_oldest(max(self._held, key=self._held.__getitem__))

    def forget(self, tenant_id: UUID) -> None:
        """Drops a tenant's replies."""
        if tenant_id in self._kept:
            self._count(tenant_id, -self._held[tenant_id])
            del self._kept[tenant_id], self._held[tenant_id]

    def _drop_oldest(self, tenant_id: UUID) -> None:
        own = self._kept[tenant_id]
        _, (_, size) = own.popitem(last=False)
        self._count(tenant_id, -size)
        if not own:
            del self._kept[tenant_id], self._held[tenant_id]

    def _count(self, tenant_id: UUID, change: int) -> None:
        self._held[tenant_id] = self._held.get(tenant_id, 0) + change
        self._bytes += change
        ANSWER_BYTES.set(self._bytes)
