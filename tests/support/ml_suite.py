"""A company with its lake, ingest's and auth's contracts served for real, and the ml service as callers see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import jwt
import numpy as np
import pyarrow as pa
from atalaya.auth.v1.auth_pb2_grpc import AuthServiceServicer
from atalaya.ingest.v1.accounts_pb2 import ListVisibleAccountsResponse
from atalaya.ingest.v1.accounts_pb2_grpc import SocialAccountsServiceServicer
from atalaya.ml.v1 import clustering_pb2_grpc, jobs_pb2_grpc, regression_pb2_grpc
from deltalake import write_deltalake
from google.api.httpbody_pb2 import HttpBody
from ml_service.config import Settings
from service_runtime.lake import tenant_lake

from support.tokens import TestIssuer


@dataclass
class Company:
    """A tenant with its people, its accounts as ingest knows them, and its part of the lake."""

    issuer: TestIssuer
    settings: Settings
    tenant_id: UUID = field(default_factory=uuid4)
    timezone: str = "America/Lima"

    def caller(self, role: str = "user", subject: str = "") -> tuple[tuple[str, str], ...]:
        claims: dict[str, Any] = {"tz": self.timezone, "username": f"ana-{role}"}
        return self.issuer.bearer(self.tenant_id, role, **claims, **({"sub": subject} if subject else {}))

    def write_followers(self, account: str, days: Sequence[date], followers: Sequence[int], at: str = "17:00") -> None:
        """Adds a reading a day, at that time of UTC."""
        hour, minute = map(int, at.split(":"))
        times = [datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) for day in days]
        self.write_readings(account, times, followers)

    def write_readings(self, account: str, times: Sequence[datetime], followers: Sequence[int]) -> None:
        count = len(times)
        table = pa.table(
            {
                "cuenta": pa.array([account] * count),
                "id_metrica": pa.array(range(1, count + 1), pa.int32()),
                "id_usuario": pa.array([1] * count, pa.int32()),
                "seguidores": pa.array(list(followers), pa.int32()),
                "siguiendo": pa.array([None] * count, pa.int32()),
                "publicaciones_totales": pa.array([None] * count, pa.int32()),
                "engagement_rate": pa.array([1.5] * count, pa.float64()),
                "alcance_promedio": pa.array([None] * count, pa.int32()),
                "impresiones": pa.array([None] * count, pa.int32()),
                "hora": pa.array(list(times), pa.timestamp("us", "UTC")),
            }
        )
        self._write("social/metrics", table, partition_by=["cuenta"])

    def posts(self, count: int) -> np.ndarray[Any, Any]:
        """Some likes, comments and shares; always the same ones."""
        return np.random.default_rng(3).lognormal(3, 2, (count, 3)).astype(np.int32)

    def write_posts(self, account: str, counts: np.ndarray[Any, Any]) -> None:
        """Adds posts with rows of likes, comments and shares."""
        rows = len(counts)
        published = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(rows)]
        table = pa.table(
            {
                "cuenta": pa.array([account] * rows),
                "mes": pa.array([moment.strftime("%Y-%m") for moment in published]),
                "id_publicacion": pa.array(range(1, rows + 1), pa.int32()),
                "fecha_publicacion": pa.array(published, pa.timestamp("us", "UTC")),
                "likes": pa.array(counts[:, 0], pa.int32()),
                "comentarios": pa.array(counts[:, 1], pa.int32()),
                "compartidos": pa.array(counts[:, 2], pa.int32()),
            }
        )
        self._write("social/posts", table, partition_by=["cuenta", "mes"])

    def _write(self, path: str, table: pa.Table, *, partition_by: list[str]) -> None:
        lake = tenant_lake(self.settings, self.tenant_id)
        write_deltalake(
            lake.delta_url(path), table, partition_by=partition_by, mode="append", storage_options=lake.storage_options
        )


class OtherServices(SocialAccountsServiceServicer, AuthServiceServicer):
    """What ml needs of ingest and auth, by their contracts."""

    def __init__(self, issuer: TestIssuer) -> None:
        self._issuer = issuer
        self.accounts: dict[str, list[str]] = {}
        self.asked: list[str] = []

    async def ListVisibleAccounts(self, request: Any, context: Any) -> ListVisibleAccountsResponse:  # noqa: N802
        token = dict(context.invocation_metadata())["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        self.asked.append(claims["sub"])
        return ListVisibleAccountsResponse(usernames=self.accounts.get(claims["tenant_id"], []))

    async def GetJwks(self, request: Any, context: Any) -> HttpBody:  # noqa: N802
        return HttpBody(content_type="application/json", data=self._issuer.jwks)


@dataclass
class Suite:
    """The running service as its callers see it."""

    channel: grpc.aio.Channel
    settings: Settings
    others: OtherServices

    @property
    def regression(self) -> regression_pb2_grpc.RegressionServiceAsyncStub:
        return regression_pb2_grpc.RegressionServiceStub(self.channel)

    @property
    def clustering(self) -> clustering_pb2_grpc.ClusteringServiceAsyncStub:
        return clustering_pb2_grpc.ClusteringServiceStub(self.channel)

    @property
    def jobs(self) -> jobs_pb2_grpc.JobsServiceAsyncStub:
        return jobs_pb2_grpc.JobsServiceStub(self.channel)
