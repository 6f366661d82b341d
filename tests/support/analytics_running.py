"""A running analytics service, its lake, and its stubs with a caller of one tenant."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import grpc
from analytics_service.config import Settings
from atalaya.analytics.v1 import (
    insurance_activity_pb2_grpc,
    insurance_pb2_grpc,
    insurance_people_pb2_grpc,
    insurance_policies_pb2_grpc,
    rfm_pb2_grpc,
    system_pb2_grpc,
)

from support.tokens import TestIssuer

# What the service under test takes for the present: a little after the newest time of generated data.
NOW = datetime(2024, 10, 5, 12, 0, tzinfo=UTC)


@dataclass
class RunningAnalytics:
    """The service's channel and the lake that it reads."""

    channel: grpc.aio.Channel
    issuer: TestIssuer
    lake: Path
    cache: Path
    settings: Settings
    tenant_id: UUID = field(default_factory=uuid4)

    @property
    def insurance(self) -> insurance_pb2_grpc.InsuranceServiceAsyncStub:
        return insurance_pb2_grpc.InsuranceServiceStub(self.channel)

    @property
    def people(self) -> insurance_people_pb2_grpc.InsurancePeopleServiceAsyncStub:
        return insurance_people_pb2_grpc.InsurancePeopleServiceStub(self.channel)

    @property
    def policies(self) -> insurance_policies_pb2_grpc.InsurancePoliciesServiceAsyncStub:
        return insurance_policies_pb2_grpc.InsurancePoliciesServiceStub(self.channel)

    @property
    def activity(self) -> insurance_activity_pb2_grpc.InsuranceActivityServiceAsyncStub:
        return insurance_activity_pb2_grpc.InsuranceActivityServiceStub(self.channel)

    @property
    def rfm(self) -> rfm_pb2_grpc.RfmServiceAsyncStub:
        return rfm_pb2_grpc.RfmServiceStub(self.channel)

    @property
    def system(self) -> system_pb2_grpc.SystemServiceAsyncStub:
        return system_pb2_grpc.SystemServiceStub(self.channel)

    @property
    def viewer(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a viewer's call."""
        return self.issuer.bearer(self.tenant_id, "viewer")

    def path(self, name: str) -> Path:
        """Where a file of the tenant's lake is."""
        return self.lake / f"tenant={self.tenant_id}" / name

    def put(self, name: str, content: str | bytes) -> None:
        """Puts a file into the tenant's lake, in place of the one that was there."""
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.unfinished")
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
        unfinished.replace(target)
