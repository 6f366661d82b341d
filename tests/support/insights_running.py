"""A running insights service as tests use it: its stub, its lake, and an ingest that says who may see what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pyarrow as pa
from atalaya.ingest.v1 import accounts_pb2
from atalaya.ingest.v1.accounts_pb2_grpc import SocialAccountsServiceServicer
from atalaya.insights.v1 import sentiment_pb2, sentiment_pb2_grpc
from deltalake import write_deltalake
from service_runtime.identity import caller

from support.postgres import ServiceDatabase
from support.tokens import TestIssuer

_SCHEMA = pa.schema(
    [
        ("cuenta", pa.string()),
        ("mes", pa.string()),
        ("id_publicacion", pa.int32()),
        ("contenido", pa.string()),
        ("fecha_publicacion", pa.timestamp("us", tz="UTC")),
    ]
)


class KnownAccounts(SocialAccountsServiceServicer):
    """The rpc of ingest that insights asks; `of` holds the accounts of each tenant."""

    def __init__(self) -> None:
        self.of: dict[UUID, list[str]] = {}
        self.asked = 0

    async def ListVisibleAccounts(  # noqa: N802 - the name of the rpc.
        self, request: accounts_pb2.ListVisibleAccountsRequest, context: Any
    ) -> accounts_pb2.ListVisibleAccountsResponse:
        self.asked += 1
        return accounts_pb2.ListVisibleAccountsResponse(usernames=self.of.get(caller().tenant_id, []))


@dataclass
class RunningInsights:
    """The service's stub with a caller of one tenant."""

    channel: grpc.aio.Channel
    issuer: TestIssuer
    lake: Path
    known: KnownAccounts
    database: ServiceDatabase
    tenant_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.stub: sentiment_pb2_grpc.SentimentServiceAsyncStub = sentiment_pb2_grpc.SentimentServiceStub(self.channel)
        self.caller = self.issuer.bearer(self.tenant_id, "viewer", tz="America/Lima", sub=str(uuid4()))

    def company(self, *accounts: str) -> RunningInsights:
        """The same service, called by somebody of a new tenant that watches the accounts."""
        other = replace(self, tenant_id=uuid4())
        self.known.of[other.tenant_id] = list(accounts)
        return other

    def write_posts(self, posts: list[tuple[str, str, str]]) -> None:
        """Puts posts (account, time, text) into the tenant's lake, as ingest does."""
        rows = [
            {
                "cuenta": account,
                "mes": moment[:7],
                "id_publicacion": number,
                "contenido": content,
                "fecha_publicacion": datetime.fromisoformat(moment),
            }
            for number, (account, moment, content) in enumerate(posts, 1)
        ]
        write_deltalake(
            str(self.lake / f"tenant={self.tenant_id}" / "social" / "posts"),
            pa.Table.from_pylist(rows, schema=_SCHEMA),
            partition_by=["cuenta", "mes"],
            mode="append",
        )

    async def score(self, *texts: str, **fields: Any) -> list[sentiment_pb2.SentimentResult]:
        """Scores texts."""
        request = sentiment_pb2.ScoreSentimentRequest(texts=texts, **fields)
        return list((await self.stub.ScoreSentiment(request, metadata=self.caller)).results)

    async def sentiment(self, **fields: Any) -> sentiment_pb2.GetSentimentResponse:
        """Asks for the sentiment of posts."""
        return await self.stub.GetSentiment(sentiment_pb2.GetSentimentRequest(**fields), metadata=self.caller)
