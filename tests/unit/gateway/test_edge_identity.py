"""Who calls, for whom and from where is what the token and the connection say, whatever else is claimed (T-08)."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from atalaya.auth.v1 import auth_pb2, auth_pb2_grpc
from support.gateway_process import GatewayProcess

Bearer = Callable[..., dict[str, str]]
ECHO = "/crud/publicaciones/bcp"
OTHER = "0192f3a4-0000-7000-8000-00000000ffff"
CLAIMS = {
    "x-tenant-id": OTHER,
    "x-tenant": OTHER,
    "tenant-id": OTHER,
    "x-user-id": OTHER,
    "x-user": "admin",
    "x-role": "admin",
    "x-jwt-payload": "e30=",
    "x-forwarded-user": "admin",
    "x-forwarded-host": f"{OTHER}.example.com",
    "x-forwarded-prefix": f"/{OTHER}",
    "x-envoy-original-path": f"/tenants/{OTHER}",
    "x-envoy-decorator-operation": OTHER,
    "forwarded": f"host={OTHER}",
}


@pytest.fixture
async def me(client: httpx.AsyncClient, bearer: Bearer) -> dict[str, Any]:
    return dict((await client.get("/api/v1/users/me", headers=bearer("viewer"))).json())


@pytest.mark.parametrize("name", CLAIMS)
async def test_a_header_names_no_tenant_and_no_role(
    client: httpx.AsyncClient, bearer: Bearer, me: dict[str, Any], name: str
) -> None:
    response = await client.get("/api/v1/users/me", headers={**bearer("viewer"), name: CLAIMS[name]})

    assert (response.status_code, response.json()) == (200, me)


@pytest.mark.parametrize("name", CLAIMS)
async def test_metadata_of_grpc_names_no_tenant_and_no_role(
    edge: Any, bearer: Bearer, me: dict[str, Any], name: str
) -> None:
    metadata = (*bearer("viewer").items(), (name, CLAIMS[name]))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{edge.port}") as channel:
        user = await auth_pb2_grpc.UsersServiceStub(channel).GetMe(auth_pb2.GetMeRequest(), metadata=metadata)

    assert (user.id, user.role) == (me["id"], "viewer")


async def test_a_tenant_in_the_query_the_body_or_the_host_is_refused_or_nothing(
    client: httpx.AsyncClient, bearer: Bearer, me: dict[str, Any]
) -> None:
    query = await client.get("/api/v1/users/me", params={"tenant_id": OTHER}, headers=bearer("viewer"))
    host = await client.get("/api/v1/users/me", headers={**bearer("viewer"), "host": f"{OTHER}.example.com"})
    account = {"platform": "csv", "username": "bcp", "tenant_id": OTHER}
    body = await client.post("/api/v1/social-accounts", json=account, headers=bearer("user"))

    assert query.status_code == 400
    assert host.json() == me
    assert (body.status_code, "tenant_id" in body.text) == (400, True)


async def test_headers_alone_open_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/users/me", headers=CLAIMS)

    assert response.status_code == 401


@pytest.mark.parametrize("claimed", ["9.9.9.9", "9.9.9.9, 8.8.8.8", "127.0.0.1", "::1", "nonsense", ""])
async def test_a_claimed_address_changes_nothing(client: httpx.AsyncClient, bearer: Bearer, claimed: str) -> None:
    headers = {**bearer(), "x-forwarded-for": claimed, "x-envoy-external-address": "9.9.9.9", "x-real-ip": "9.9.9.9"}

    plain = (await client.get(ECHO, headers=bearer())).json()[0]["headers"]
    seen = (await client.get(ECHO, headers=headers)).json()[0]["headers"]

    # For a caller on the same machine Envoy names the machine's own address.
    assert seen["x-forwarded-for"].split(",")[-1].strip() == plain["x-forwarded-for"]
    assert seen["x-envoy-external-address"] == "127.0.0.1"
    assert "x-envoy-internal" not in seen


@pytest.fixture
async def behind_a_proxy(edge: Any, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    process = GatewayProcess(tmp_path, str(edge.log.with_name("backend.sock")), trusted_proxy_hops=1)
    await process.start()
    async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
        yield client
    process.stop()


async def test_a_trusted_proxy_names_the_caller_and_the_caller_itself_does_not(
    behind_a_proxy: httpx.AsyncClient, bearer: Bearer
) -> None:
    # The proxy appends the address that it was called from; what stands before it is the caller's own word.
    headers = {**bearer(), "x-forwarded-for": "6.6.6.6, 9.9.9.9"}

    plain = (await behind_a_proxy.get(ECHO, headers=bearer())).json()[0]["headers"]
    seen = (await behind_a_proxy.get(ECHO, headers=headers)).json()[0]["headers"]

    assert seen["x-envoy-external-address"] == "9.9.9.9"
    # As auth reads it: the entry before as many trusted proxies.
    assert [hop.strip() for hop in seen["x-forwarded-for"].split(",")][-2:] == ["9.9.9.9", plain["x-forwarded-for"]]
