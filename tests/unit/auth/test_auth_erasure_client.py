"""Auth asks every replica of every service, by whatever name it has, and says who did not answer."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from atalaya.policies import rpc_policies
from atalaya.tenancy.v1.erasure_pb2_grpc import add_ErasureServiceServicer_to_server
from auth_service.erasure_client import ErasureClients
from auth_service.erasures import Erased, Sweep
from service_runtime.config import RuntimeSettings
from service_runtime.server import Server
from support.leaving import HoldingService
from support.running import running
from support.tokens import TestIssuer

SETTINGS = RuntimeSettings(listen_address="127.0.0.1:0", drain_seconds=0, default_deadline_seconds=5)


@pytest.mark.parametrize("form", ["dns:///{}", "{}", "ipv4-name"])
async def test_a_service_is_found_by_every_form_of_its_address(issuer: TestIssuer, form: str) -> None:
    service, tenant_id = HoldingService(), uuid4()
    service.rows[tenant_id] = 3
    server = Server(SETTINGS, policies=rpc_policies(), verifier=issuer.verifier(), name="ml")
    server.add(add_ErasureServiceServicer_to_server, service)
    async with running(server):
        # The machine's own name for this address has one replica behind it.
        address = form.format(server.address) if form != "ipv4-name" else server.address.replace("127.0.0.1", "127.1")
        sweep = await ErasureClients({"ml": address}, SETTINGS, sign_by(issuer)).erase(tenant_id)
    assert sweep == Sweep(Erased(rows=3))
    assert service.asked == [tenant_id]


@pytest.mark.parametrize("address", ["dns:///no-such-service.invalid:50051", "unix:/nowhere/socket", "127.0.0.1:1"])
async def test_who_does_not_answer_is_named(issuer: TestIssuer, address: str) -> None:
    sweep = await ErasureClients({"ml": address}, SETTINGS, sign_by(issuer)).erase(uuid4())
    assert sweep == Sweep(Erased(), away=("ml",))


def sign_by(issuer: TestIssuer) -> Callable[[str, UUID], str]:
    def sign(service: str, tenant_id: UUID) -> str:
        return issuer.token(tenant_id, sub="service:auth", token_use="service", target=service)

    return sign
