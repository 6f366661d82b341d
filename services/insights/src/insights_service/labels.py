"""Labels texts, each once: what the store knows is taken from there, the rest is scored and stored."""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

from insights_service.lexicon import ENGINE, LexiconEngine
from insights_service.store import LabelStore, StoredLabel

_HASH_BYTES = 16
_DECIMALS = 6


class Labels:
    """The labels of a tenant's texts."""

    def __init__(self, engine: LexiconEngine, store: LabelStore) -> None:
        self._engine = engine
        self._store = store

    async def of(self, tenant_id: UUID, texts: Sequence[str]) -> list[StoredLabel]:
        """Gives the labels of texts in their order."""
        hashes = await asyncio.to_thread(_hashes, texts)
        distinct = dict(zip(hashes, texts, strict=True))
        known = await self._store.find(tenant_id, ENGINE, list(distinct))
        missing = {key: text for key, text in distinct.items() if key not in known}
        if missing:
            scored = await asyncio.to_thread(self._score, missing)
            await self._store.add(tenant_id, ENGINE, scored)
            known |= scored
        return [known[key] for key in hashes]

    def _score(self, texts: dict[bytes, str]) -> dict[bytes, StoredLabel]:
        scored = zip(texts, self._engine.score_all(texts.values()), strict=True)
        return {
            key: StoredLabel(found.label, round(found.positive, _DECIMALS), round(found.negative, _DECIMALS))
            for key, found in scored
        }


def _hashes(texts: Sequence[str]) -> list[bytes]:
    # A lone surrogate cannot come from the lake, and must not stop a request if it ever does.
    return [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest() for text in texts]
