"""Fields that are the server's own, sent in the bodies of requests through the real gateway, change nothing."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from atalaya.auth.v1 import api_keys_pb2, auth_pb2, people_pb2, profile_pb2, recovery_pb2, tenants_pb2
from auth_service.config import Settings
from auth_service.server import build_server
from support import postgres
from support.auth_running import PASSWORD, RunningAuth
from support.auth_running import Clock as StandingClock
from support.gateway_process import GatewayProcess
from support.running import running

NEW = "nine-Llamas-on-a-tall-hill"
OF_THE_SERVER = {
    "id": "0192f3a4-0000-7000-8000-000000000001",
    "user_id": "0192f3a4-0000-7000-8000-000000000001",
    "tenant_id": "0192f3a4-0000-7000-8000-000000000002",
    "empresa_id": "0192f3a4-0000-7000-8000-000000000002",
    "role": "admin",
    "rol": "admin",
    "is_active": False,
    "activo": False,
    "created_at": "2001-01-01T00:00:00Z",
    "id_usuario": 99,
    "number": 99,
    "access_version": 99,
    "password_hash": "$2b$04$" + "a" * 53,
    "last_login_at": "2001-01-01T00:00:00Z",
    "status": "active",
}
KEPT = "user_id, tenant_id, role, is_active, created_at, number, access_version"


class Edge:
    """Auth behind a real Envoy."""

    def __init__(self, auth: RunningAuth, client: httpx.AsyncClient) -> None:
        self.auth = auth
        self.client = client

    async def send(self, method: str, path: str, body: dict[str, Any], token: str = "") -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return await self.client.request(method, path, json=body, headers=headers)

    def person(self, user_id: str) -> dict[str, Any]:
        (row,) = self.auth.query(f"SELECT {KEPT} FROM users WHERE user_id = %s", user_id)  # noqa: S608
        return row


@pytest.fixture(scope="module")
def folder() -> Any:
    with tempfile.TemporaryDirectory(prefix="atl-mass-", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
async def edge(settings: Settings, auth_database: postgres.ServiceDatabase, folder: Path) -> AsyncIterator[Edge]:
    clock = StandingClock()
    address = str(folder / "auth.sock")
    server = await build_server(settings.model_copy(update={"listen_address": f"unix:{address}"}), clock=clock)
    async with running(server) as channel:
        envoy = GatewayProcess(folder, address)
        await envoy.start()
        try:
            async with httpx.AsyncClient(base_url=envoy.url, timeout=30) as client:
                yield Edge(RunningAuth(channel, auth_database, clock), client)
        finally:
            envoy.stop()


async def test_no_write_takes_what_is_the_servers_own(edge: Edge) -> None:
    admin = await edge.auth.register()
    token = admin.reply.access_token
    invited = await edge.send("POST", "/api/v1/users", {"email": "mass@example.com", "role": "viewer"}, token)
    assert invited.status_code == 200
    before = edge.person(admin.user.id)
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "/api/v1/users/me", {"full_name": "Allowed Name"}),
        ("PUT", "/api/v1/users/me/settings", {"language": "en"}),
        ("POST", "/api/v1/users/me/password", {"current_password": PASSWORD, "new_password": NEW}),
        ("POST", "/api/v1/auth/forgot-password", {"email": admin.email}),
        ("POST", "/api/v1/auth/reset-password", {"token": "x" * 43, "new_password": NEW}),
        ("POST", "/api/v1/auth/login", {"email": admin.email, "password": NEW}),
        ("POST", "/auth/login", {"username": admin.email, "password": NEW}),
        ("POST", "/api/v1/auth/refresh", {"refresh_token": admin.reply.refresh_token}),
        ("POST", "/api/v1/auth/logout", {}),
    ]
    for method, path, allowed in writes:
        reply = await edge.send(method, path, {**OF_THE_SERVER, **allowed}, token)
        assert reply.status_code < 500, (path, reply.text)
        assert edge.person(admin.user.id) == before, path
    # The same bodies without them do what they say, so it is not that nothing is taken.
    again = (await edge.auth.log_in(admin.email, await password_of(edge, admin.email))).access_token
    renamed = await edge.send("PUT", "/api/v1/users/me", {"full_name": "Allowed Name"}, again)
    assert (renamed.status_code, renamed.json()["full_name"]) == (200, "Allowed Name")


def test_no_request_has_a_field_for_what_is_the_servers_own() -> None:
    given = {
        (message.name, field.name)
        for module in (api_keys_pb2, auth_pb2, people_pb2, profile_pb2, recovery_pb2, tenants_pb2)
        for message in module.DESCRIPTOR.message_types_by_name.values()
        if message.name.endswith("Request")
        for field in message.fields
        if field.name in OF_THE_SERVER
    }
    # Whom it is about stands in the path; what admins give to others is theirs to give.
    assert given == {
        ("UpdateUserRequest", "user_id"),
        ("UpdateUserRequest", "role"),
        ("UpdateUserRequest", "is_active"),
        ("InviteUserRequest", "role"),
        ("CreateApiKeyRequest", "role"),
        ("DeleteApiKeyRequest", "id"),
        ("DeleteSessionRequest", "id"),
    }


async def test_registering_takes_no_place_in_another_tenant_and_no_hash(edge: Edge) -> None:
    stranger = await edge.auth.register()
    body = {"email": "mass-register@example.com", "password": NEW, "full_name": "Mass", "tenant_name": "Mass Register"}
    planted = {**OF_THE_SERVER, "tenant_id": stranger.user.tenant_id, "empresa_id": stranger.user.tenant_id}
    reply = await edge.send("POST", "/api/v1/auth/register", {**planted, **body})
    if reply.status_code != 201:
        assert reply.status_code == 400
        reply = await edge.send("POST", "/api/v1/auth/register", body)
    user = reply.json()["user"]
    made = edge.person(user["id"])
    assert str(made["tenant_id"]) != stranger.user.tenant_id
    assert user["id"] != planted["id"]
    assert (made["is_active"], made["number"], made["access_version"]) == (True, 1, 0)
    assert made["created_at"] == edge.auth.clock.now
    assert (await edge.auth.log_in(body["email"], NEW)).access_token


async def test_admins_set_role_and_activity_and_nothing_else(edge: Edge) -> None:
    admin, stranger = await edge.auth.register(), await edge.auth.register()
    before = edge.person(stranger.user.id)
    planted = {**OF_THE_SERVER, "tenant_id": stranger.user.tenant_id, "user_id": stranger.user.id}
    reply = await edge.send(
        "PATCH",
        f"/api/v1/users/{admin.user.id}",
        {**planted, "role": "admin", "is_active": True},
        admin.reply.access_token,
    )
    assert reply.status_code in (200, 400)
    assert edge.person(stranger.user.id) == before
    assert str(edge.person(admin.user.id)["tenant_id"]) == admin.user.tenant_id


async def password_of(edge: Edge, email: str) -> str:
    """Tells which password holds now: an edge that refuses unknown fields has changed none."""
    for password in (NEW, PASSWORD):
        reply = await edge.send("POST", "/api/v1/auth/login", {"email": email, "password": password})
        if reply.status_code == 200:
            return password
    raise AssertionError("nobody can log in")
