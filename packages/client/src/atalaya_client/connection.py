"""A connection to a suite: one channel to its gateway, and a typed stub of each public service."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import grpc
from atalaya.analytics.v1.insurance_activity_pb2_grpc import InsuranceActivityServiceStub
from atalaya.analytics.v1.insurance_pb2_grpc import InsuranceServiceStub
from atalaya.analytics.v1.insurance_people_pb2_grpc import InsurancePeopleServiceStub
from atalaya.analytics.v1.insurance_policies_pb2_grpc import InsurancePoliciesServiceStub
from atalaya.analytics.v1.rfm_pb2_grpc import RfmServiceStub
from atalaya.analytics.v1.system_pb2_grpc import SystemServiceStub
from atalaya.auth.v1.auth_pb2 import LoginByUsernameRequest
from atalaya.auth.v1.auth_pb2_grpc import AuthServiceStub, UsersServiceStub
from atalaya.ingest.v1.accounts_pb2_grpc import SocialAccountsServiceStub
from atalaya.ingest.v1.data_pb2_grpc import DataServiceStub
from atalaya.ingest.v1.data_pb2_grpc import JobsServiceStub as IngestJobsServiceStub
from atalaya.ingest.v1.exports_pb2_grpc import ExportsServiceStub
from atalaya.ingest.v1.records_pb2_grpc import RecordsServiceStub
from atalaya.insights.v1.sentiment_pb2_grpc import SentimentServiceStub
from atalaya.ml.v1.clustering_pb2_grpc import ClusteringServiceStub
from atalaya.ml.v1.jobs_pb2_grpc import JobsServiceStub as MlJobsServiceStub
from atalaya.ml.v1.regression_pb2_grpc import RegressionServiceStub
from service_runtime.client import open_channel

if TYPE_CHECKING:
    from atalaya.analytics.v1.insurance_activity_pb2_grpc import InsuranceActivityServiceAsyncStub
    from atalaya.analytics.v1.insurance_pb2_grpc import InsuranceServiceAsyncStub
    from atalaya.analytics.v1.insurance_people_pb2_grpc import InsurancePeopleServiceAsyncStub
    from atalaya.analytics.v1.insurance_policies_pb2_grpc import InsurancePoliciesServiceAsyncStub
    from atalaya.analytics.v1.rfm_pb2_grpc import RfmServiceAsyncStub
    from atalaya.analytics.v1.system_pb2_grpc import SystemServiceAsyncStub
    from atalaya.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub, UsersServiceAsyncStub
    from atalaya.ingest.v1.accounts_pb2_grpc import SocialAccountsServiceAsyncStub
    from atalaya.ingest.v1.data_pb2_grpc import DataServiceAsyncStub
    from atalaya.ingest.v1.data_pb2_grpc import JobsServiceAsyncStub as IngestJobsServiceAsyncStub
    from atalaya.ingest.v1.exports_pb2_grpc import ExportsServiceAsyncStub
    from atalaya.ingest.v1.records_pb2_grpc import RecordsServiceAsyncStub
    from atalaya.insights.v1.sentiment_pb2_grpc import SentimentServiceAsyncStub
    from atalaya.ml.v1.clustering_pb2_grpc import ClusteringServiceAsyncStub
    from atalaya.ml.v1.jobs_pb2_grpc import JobsServiceAsyncStub as MlJobsServiceAsyncStub
    from atalaya.ml.v1.regression_pb2_grpc import RegressionServiceAsyncStub

DEFAULT_URL = "http://localhost:8000"


@dataclass(frozen=True)
class ClientSettings:
    """How long calls may take, and how large messages may be."""

    default_deadline_seconds: float = 60
    stream_deadline_seconds: float = 3600
    max_message_bytes: int = 64 * 1024 * 1024


class Atalaya:
    """The services of a suite; close it, or use it in `async with`. Errors are those of `service_runtime.errors`."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self.channel = channel
        # The access token in use; empty where only public rpcs can be called.
        self.token = token
        self.auth: AuthServiceAsyncStub = AuthServiceStub(channel)
        self.users: UsersServiceAsyncStub = UsersServiceStub(channel)
        self.accounts: SocialAccountsServiceAsyncStub = SocialAccountsServiceStub(channel)
        self.data: DataServiceAsyncStub = DataServiceStub(channel)
        self.exports: ExportsServiceAsyncStub = ExportsServiceStub(channel)
        self.records: RecordsServiceAsyncStub = RecordsServiceStub(channel)
        # Gets and cancels jobs of ingest, and lists those of every service.
        self.jobs: IngestJobsServiceAsyncStub = IngestJobsServiceStub(channel)
        # Gets and cancels jobs of ml.
        self.ml_jobs: MlJobsServiceAsyncStub = MlJobsServiceStub(channel)
        self.regression: RegressionServiceAsyncStub = RegressionServiceStub(channel)
        self.clustering: ClusteringServiceAsyncStub = ClusteringServiceStub(channel)
        self.sentiment: SentimentServiceAsyncStub = SentimentServiceStub(channel)
        self.insurance: InsuranceServiceAsyncStub = InsuranceServiceStub(channel)
        self.insurance_activity: InsuranceActivityServiceAsyncStub = InsuranceActivityServiceStub(channel)
        self.insurance_people: InsurancePeopleServiceAsyncStub = InsurancePeopleServiceStub(channel)
        self.insurance_policies: InsurancePoliciesServiceAsyncStub = InsurancePoliciesServiceStub(channel)
        self.rfm: RfmServiceAsyncStub = RfmServiceStub(channel)
        self.system: SystemServiceAsyncStub = SystemServiceStub(channel)

    async def close(self) -> None:
        await self.channel.close(None)

    async def __aenter__(self) -> Atalaya:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def connect(url: str = DEFAULT_URL, token: str = "", settings: ClientSettings | None = None) -> Atalaya:
    """Connects to the gateway at an http or https URL; call it where an event loop runs."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"The URL must be like {DEFAULT_URL}, not {url!r}.")
    secure = parts.scheme == "https"
    channel = open_channel(
        f"{parts.hostname}:{parts.port or (443 if secure else 80)}",
        settings or ClientSettings(),
        token=token or None,
        credentials=grpc.ssl_channel_credentials() if secure else None,
    )
    return Atalaya(channel, token)


async def log_in(
    username: str, password: str, url: str = DEFAULT_URL, settings: ClientSettings | None = None
) -> Atalaya:
    """Logs in by user name or e-mail address and connects with the token that gives."""
    async with connect(url, settings=settings) as guest:
        session = await guest.auth.LoginByUsername(LoginByUsernameRequest(username=username, password=password))
    return connect(url, session.access_token, settings)
