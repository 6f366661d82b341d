"""Beside the rpcs there is no way in: no reflection, no admin page, nothing that listens to the network (I-09)."""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import grpc
import httpx
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from support.proofs_house import House
from support.proofs_rpcs import SERVICES
from support.running_suite import RunningSuite

Note = Callable[[str, object], None]
# Pages of Envoy's admin.
ADMIN_PAGES = ("/config_dump", "/clusters", "/stats", "/server_info", "/quitquitquit", "/metrics", "/admin")


@pytest.mark.parametrize("service", SERVICES)
async def test_no_service_tells_what_rpcs_it_has(house: House, service: str) -> None:
    assert await reflected(house.sockets[service]) == {grpc.StatusCode.UNIMPLEMENTED}


async def test_the_gateway_leads_to_no_reflection(house: House) -> None:
    assert await reflected(house.gateway) == {grpc.StatusCode.UNIMPLEMENTED}


@pytest.mark.parametrize("service", SERVICES)
async def test_health_is_open_to_probes_without_a_token(house: House, service: str) -> None:
    reply = await health_pb2_grpc.HealthStub(house.sockets[service]).Check(health_pb2.HealthCheckRequest())

    assert reply.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("page", ADMIN_PAGES)
async def test_the_gateway_shows_no_page_of_its_own_insides(house: House, page: str) -> None:
    for method in ("GET", "POST"):
        reply = await house.rest.request(method, page)
        assert reply.status_code == httpx.codes.NOT_FOUND


def test_only_the_gateway_and_pages_of_metrics_listen_and_only_here(suite: RunningSuite, record_property: Note) -> None:
    metrics = {urlsplit(each.metrics).port for each in suite.state.processes if each.metrics}
    listening = {
        (process.pid, connection.laddr.ip, connection.laddr.port)
        for process in suite.processes()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }

    assert {port for _, _, port in listening} == {suite.home.port, *metrics}
    assert [address for _, address, _ in listening if not ip_address(address).is_loopback] == []
    gateway = suite.process("gateway").pid
    assert {port for pid, _, port in listening if pid == gateway} == {suite.home.port}
    record_property(
        "proof", f"doors: {len(listening)} ports listen, all on loopback: the gateway's and those of metrics"
    )


async def reflected(channel: grpc.aio.Channel) -> set[grpc.StatusCode]:
    """Asks for the list of services under both names of the protocol; what streams is asked as one call would be."""
    request = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    codes = set()
    for version in ("v1", "v1alpha"):
        try:
            path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
            await channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)(request)
            codes.add(grpc.StatusCode.OK)
        except grpc.aio.AioRpcError as error:
            codes.add(error.code())
    return codes
