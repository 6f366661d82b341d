"""Reads one account's readings and posts from the tenant's lake, and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
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
        times, followers = self._read(
            tenant_id,
            "social/metrics",
            "SELECT arrow_cast(arrow_cast(hora, 'Timestamp(Microsecond, Some(\"UTC\"))'), 'Int64'), seguidores "
            "FROM lake WHERE cuenta = {account} AND seguidores IS NOT NULL ORDER BY hora, id_metrica",
            username,
            columns=2,
        )
        return Readings(np.array(times, dtype=np.int64), np.array(followers, dtype=np.int64))

    def post_counts(self, tenant_id: UUID, username: str) -> NDArray[np.int32]:
        """Likes, comments and shares of every post of the account, a row each; what is not known is 0."""
        counts = self._read(
            tenant_id,
            "social/posts",
            "SELECT greatest(coalesce(likes, 0), 0), greatest(coalesce(comentarios, 0), 0), "
            "greatest(coalesce(compartidos, 0), 0) FROM lake WHERE cuenta = {account}",
            username,
            columns=3,
        )
        return np.array(counts, dtype=np.int32).T

    def _read(self, tenant_id: UUID, path: str, query: str, username: str, *, columns: int) -> list[list[int]]:
        # By the query engine of deltalake: pyarrow's own reader would import pandas.
        lake = tenant_lake(self._settings, tenant_id)
        account = "'" + username.replace("'", "''") + "'"
        try:
            table = DeltaTable(lake.delta_url(path), storage_options=lake.storage_options)
            found = QueryBuilder().register("lake", table).execute(query.format(account=account))
            rows = pa.RecordBatchReader.from_stream(found).read_all()
        except TableNotFoundError:
            return [[] for _ in range(columns)]
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.", retry_after=5) from error
        return [column.to_pylist() for column in rows.columns]
