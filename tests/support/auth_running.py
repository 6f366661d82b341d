"""The auth service as tests use it: its stubs, its database and a clock that they move."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from atalaya.auth.v1 import auth_pb2
from atalaya.auth.v1.auth_pb2_grpc import AuthServiceStub, SessionsServiceStub, UsersServiceStub
from psycopg.rows import dict_row

from support import postgres
from support.tokens import bearer

if TYPE_CHECKING:
    import grpc
    from atalaya.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub, SessionsServiceAsyncStub, UsersServiceAsyncStub

PASSWORD = "tall-Cactus-and-9-llamas"
_numbers = count(1)


@dataclass
class Clock:
    """Time that stands still until a test moves it. Tokens are checked against it too."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass
class Person:
    """Somebody who has registered."""

    email: str
    password: str
    reply: auth_pb2.RegisterResponse

    @property
    def user(self) -> auth_pb2.User:
        return self.reply.user


class RunningAuth:
    """Stubs of a running auth service, and what tests do with it again and again."""

    def __init__(self, channel: grpc.aio.Channel, database: postgres.ServiceDatabase, clock: Clock) -> None:
        self.calls: AuthServiceAsyncStub = AuthServiceStub(channel)
        self.users: UsersServiceAsyncStub = UsersServiceStub(channel)
        self.sessions: SessionsServiceAsyncStub = SessionsServiceStub(channel)
        self.channel = channel
        self.database = database
        self.clock = clock

    async def register(self, *, source: str = "", **fields: Any) -> Person:
        """Registers somebody new; fields that are not given are made up."""
        number = next(_numbers)
        request = auth_pb2.RegisterRequest(
            email=fields.get("email", f"person{number}@example.com"),
            password=fields.get("password", PASSWORD),
            full_name=fields.get("full_name", f"Person {number}"),
            tenant_name=fields.get("tenant_name", f"Company {number}"),
        )
        reply = await self.calls.Register(request, metadata=came_from(source))
        return Person(request.email, request.password, reply)

    async def log_in(self, email: str, password: str = PASSWORD, *, source: str = "") -> auth_pb2.LoginResponse:
        return await self.calls.Login(auth_pb2.LoginRequest(email=email, password=password), metadata=came_from(source))

    async def log_in_by_username(
        self, username: str, password: str = PASSWORD, *, source: str = ""
    ) -> auth_pb2.LoginByUsernameResponse:
        request = auth_pb2.LoginByUsernameRequest(username=username, password=password)
        return await self.calls.LoginByUsername(request, metadata=came_from(source))

    async def refresh(self, refresh_token: str) -> auth_pb2.RefreshResponse:
        return await self.calls.Refresh(auth_pb2.RefreshRequest(refresh_token=refresh_token))

    async def log_out(self, access_token: str, refresh_token: str | None = None) -> None:
        request = auth_pb2.LogoutRequest(refresh_token=refresh_token)
        await self.calls.Logout(request, metadata=bearer(access_token))

    async def list_sessions(self, access_token: str, **page: Any) -> auth_pb2.ListSessionsResponse:
        return await self.sessions.ListSessions(auth_pb2.ListSessionsRequest(**page), metadata=bearer(access_token))

    async def end_session(self, access_token: str, session_id: str) -> None:
        await self.sessions.DeleteSession(auth_pb2.DeleteSessionRequest(id=session_id), metadata=bearer(access_token))

    async def change_password(self, access_token: str, current: str, new: str) -> None:
        request = auth_pb2.ChangePasswordRequest(current_password=current, new_password=new)
        await self.users.ChangePassword(request, metadata=bearer(access_token))

    async def me(self, access_token: str) -> auth_pb2.User:
        return await self.users.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(access_token))

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Asks the database as its superuser, whom row-level security does not bind."""
        with postgres.server().connect(self.database.name) as connection:
            cursor = connection.cursor(row_factory=dict_row).execute(statement, values)
            return cursor.fetchall() if cursor.description else []


def came_from(source: str) -> tuple[tuple[str, str], ...]:
    """Gives the metadata with which the gateway hands over a call from an address."""
    return (("x-forwarded-for", source),) if source else ()


# Starts the service with settings changed as given.
StartAuth = Callable[..., AbstractAsyncContextManager[RunningAuth]]
