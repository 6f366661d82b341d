"""The rpcs of AuthService: registering, logging in and out, refreshing, and the keys that verify tokens."""

from typing import Any, TypeAlias

from atalaya.auth.v1 import auth_pb2
from atalaya.auth.v1.auth_pb2_grpc import AuthServiceServicer
from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.origin import current_origin

from auth_service import convert
from auth_service.joining import Joining
from auth_service.login import Login
from auth_service.own_sessions import OwnSessions
from auth_service.refreshing import Refreshing
from auth_service.registration import Registration
from auth_service.tokens import TokenSigner

Context: TypeAlias = ServicerContext[Any, Any]


class AuthServicer(AuthServiceServicer):
    """Makes tenants and gives tokens."""

    def __init__(
        self,
        registration: Registration,
        joining: Joining,
        login: Login,
        refreshing: Refreshing,
        own_sessions: OwnSessions,
        signer: TokenSigner,
    ) -> None:
        self._registration = registration
        self._joining = joining
        self._login = login
        self._refreshing = refreshing
        self._own_sessions = own_sessions
        self._signer = signer

    async def Register(self, request: auth_pb2.RegisterRequest, context: Context) -> auth_pb2.RegisterResponse:
        person, origin = convert.to_new_person(request), current_origin()
        if person.invitation_token is not None:
            return convert.from_registered(await self._joining.join(person, person.invitation_token, origin))
        return convert.from_registered(await self._registration.register(person, origin))

    async def Login(self, request: auth_pb2.LoginRequest, context: Context) -> auth_pb2.LoginResponse:
        origin = current_origin()
        return convert.from_login(await self._login.by_email(request.email, request.password, origin))

    async def LoginByUsername(
        self, request: auth_pb2.LoginByUsernameRequest, context: Context
    ) -> auth_pb2.LoginByUsernameResponse:
        origin = current_origin()
        tokens = await self._login.by_username(request.username, request.password, origin)
        return convert.from_login_by_username(tokens)

    async def Refresh(self, request: auth_pb2.RefreshRequest, context: Context) -> auth_pb2.RefreshResponse:
        origin = current_origin()
        return convert.from_refresh(await self._refreshing.refresh(request.refresh_token, origin))

    async def Logout(self, request: auth_pb2.LogoutRequest, context: Context) -> auth_pb2.LogoutResponse:
        await self._own_sessions.log_out(caller(), request.refresh_token, current_origin())
        return auth_pb2.LogoutResponse()

    async def GetJwks(self, request: auth_pb2.GetJwksRequest, context: Context) -> HttpBody:
        return HttpBody(content_type="application/json", data=self._signer.jwks())
