"""The labels of texts in PostgreSQL, so that no text is scored twice by one engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from service_runtime.database import Database
from sqlalchemy import text

_FIND = text(
    "SELECT text_hash, label, positive, negative FROM text_labels WHERE engine = :engine AND text_hash = ANY(:hashes)"
)
# In one order everywhere, so that two who store the same texts wait for each other and never lock up.
_ADD = text(
    "INSERT INTO text_labels (tenant_id, engine, text_hash, label, positive, negative) "
    "SELECT :tenant_id, :engine, given.* "
    "FROM unnest(CAST(:hashes AS bytea[]), CAST(:labels AS text[]), CAST(:positives AS float8[]), "
    "CAST(:negatives AS float8[])) AS given ORDER BY 3 ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """What an engine said of a text."""

    label: str
    positive: float
    negative: float

    @property
    def score(self) -> float:
        """From -1 to 1: positive less negative."""
        return self.positive - self.negative


class LabelStore:
    """The table text_labels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID, engine: str, hashes: Sequence[bytes]) -> dict[bytes, StoredLabel]:
        """Gives the labels that are there, by the hash of the text."""
        async with self._database.tenant_session(tenant_id) as session:
            rows = await session.execute(_FIND, {"engine": engine, "hashes": list(hashes)})
            return {bytes(row.text_hash): StoredLabel(row.label, row.positive, row.negative) for row in rows}

    async def add(self, tenant_id: UUID, engine: str, labels: Mapping[bytes, StoredLabel]) -> None:
        """Adds labels; those that are there already stay."""
        async with self._database.tenant_session(tenant_id) as session:
            await session.execute(
                _ADD,
                {
                    "tenant_id": tenant_id,
                    "engine": engine,
                    "hashes": list(labels),
                    "labels": [label.label for label in labels.values()],
                    "positives": [label.positive for label in labels.values()],
                    "negatives": [label.negative for label in labels.values()],
                },
            )
