"""The registry's tables: versions of models and the bytes they are made of."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from service_runtime.database import Database, Session
from sqlalchemy import RowMapping, text

from ml_service.model import Kind, ModelVersion, TrainedModel, card_bytes, content_hash

_ACTIVE = text("SELECT * FROM model_versions WHERE kind = :kind AND username = :username AND is_active")
_BLOB = text("SELECT bytes FROM model_blobs WHERE sha256 = :sha256")
# Two trainings of one account wait for each other here, so each gets a number of its own.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_NEXT = text("SELECT coalesce(max(version), 0) + 1 FROM model_versions WHERE kind = :kind AND username = :username")
_RETIRE = text("UPDATE model_versions SET is_active = false WHERE kind = :kind AND username = :username AND is_active")
_ADD_BLOB = text(
    "INSERT INTO model_blobs (tenant_id, sha256, bytes) VALUES (:tenant_id, :sha256, :bytes) ON CONFLICT DO NOTHING"
)
_ADD = text(
    "INSERT INTO model_versions (tenant_id, model_id, kind, username, version, sha256, card_sha256, card, is_active, "
    "trained_by, trained_at) VALUES (:tenant_id, :model_id, :kind, :username, :version, :sha256, :card_sha256, "
    "CAST(:card AS jsonb), true, :trained_by, now()) RETURNING *"
)


class Store:
    """Every look-up sees one tenant's rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self, tenant_id: UUID) -> AbstractAsyncContextManager[Session]:
        """One transaction, for a version and the end of its job together."""
        return self._database.tenant_session(tenant_id)

    async def active(self, tenant_id: UUID, kind: Kind, username: str) -> ModelVersion | None:
        """The version that answers for an account now."""
        async with self._database.tenant_session(tenant_id) as session:
            row = (await session.execute(_ACTIVE, {"kind": kind, "username": username})).mappings().one_or_none()
        return None if row is None else _read_version(row)

    async def blob(self, tenant_id: UUID, sha256: str) -> bytes | None:
        async with self._database.tenant_session(tenant_id) as session:
            found = (await session.execute(_BLOB, {"sha256": sha256})).scalar_one_or_none()
        return None if found is None else bytes(found)

    async def promote(
        self,
        session: Session,
        *,
        tenant_id: UUID,
        model_id: UUID,
        username: str,
        model: TrainedModel,
        trained_by: str,
    ) -> ModelVersion:
        """Keeps a model as its account's next version and makes it the active one."""
        card = card_bytes(model.card)
        of_account = {"kind": model.kind, "username": username}
        await session.execute(_LOCK, {"key": f"{tenant_id}/{model.kind}/{username}"})
        number = (await session.execute(_NEXT, of_account)).scalar_one()
        await session.execute(_RETIRE, of_account)
        for content in (model.graph, card):
            blob = {"tenant_id": tenant_id, "sha256": content_hash(content), "bytes": content}
            await session.execute(_ADD_BLOB, blob)
        values: dict[str, Any] = {
            **of_account,
            "tenant_id": tenant_id,
            "model_id": model_id,
            "version": number,
            "sha256": content_hash(model.graph),
            "card_sha256": content_hash(card),
            "card": json.dumps(model.card, allow_nan=False),
            "trained_by": trained_by,
        }
        return _read_version((await session.execute(_ADD, values)).mappings().one())


def _read_version(row: RowMapping) -> ModelVersion:
    return ModelVersion(**{name: value for name, value in row.items() if name != "tenant_id"})
