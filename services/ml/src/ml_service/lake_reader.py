"""Reads one account's readings and posts from the tenant's lake, and nothing else of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from numpy.typing import NDArray
from service_runtime.config import RuntimeSettings
from service_runtime.errors import Unavailable
from service_runtime.lake import tenant_lake


@dataclass(frozen=True)
class Readings:
    """Readings of followers in the order of time; times are microseconds since 1970 in UTC."""

    times: NDArray[np.int64]
    followers: NDArray[np.int64]


class LakeReader:
    """Blocking: call it in a thread."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings

    def readings(self, tenant_id: UUID, username: str) -> Readings:
        """Every reading of the account; of two at one time the later number wins, as the last of them."""
        table = self._read(tenant_id, "social/metrics", username, ["hora", "id_metrica", "seguidores"])
        if table is None:
            return Readings(np.empty(0, np.int64), np.empty(0, np.int64))
        known = table.filter(table["seguidores"].is_valid()).sort_by(
            [("hora", "ascending"), ("id_metrica", "ascending")]
        )
        times = known["hora"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        return Readings(times.to_numpy(), known["seguidores"].cast(pa.int64()).to_numpy())

    def post_counts(self, tenant_id: UUID, username: str) -> NDArray[np.int32]:
        """Likes, comments and shares of every post of the account, a row each; what is not known is 0."""
        columns = ["likes", "comentarios", "compartidos"]
        table = self._read(tenant_id, "social/posts", username, columns)
        if table is None:
            return np.empty((0, len(columns)), np.int32)
        counts = [table[name].fill_null(0).to_numpy() for name in columns]
        return np.asarray(np.maximum(np.column_stack(counts), 0), dtype=np.int32)

    def _read(self, tenant_id: UUID, path: str, username: str, columns: Sequence[str]) -> pa.Table | None:
        lake = tenant_lake(self._settings, tenant_id)
        try:
            table = DeltaTable(lake.delta_url(path), storage_options=lake.storage_options)
            return table.to_pyarrow_table(filters=[("cuenta", "=", username)], columns=list(columns))
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.", retry_after=5) from error
