"""The rpcs of UsersService: people of a tenant."""

from typing import Any

from atalaya.auth.v1 import auth_pb2
from atalaya.auth.v1.auth_pb2_grpc import UsersServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.origin import current_origin

from auth_service import convert
from auth_service.password_change import PasswordChange
from auth_service.users import Users


class UsersServicer(UsersServiceServicer):
    """People of the caller's tenant."""

    def __init__(self, users: Users, password_change: PasswordChange) -> None:
        self._users = users
        self._password_change = password_change

    async def GetMe(self, request: auth_pb2.GetMeRequest, context: ServicerContext[Any, Any]) -> auth_pb2.User:
        profile = await self._users.me(caller())
        return convert.from_user(profile.user, profile.tenant)

    async def ChangePassword(
        self, request: auth_pb2.ChangePasswordRequest, context: ServicerContext[Any, Any]
    ) -> auth_pb2.ChangePasswordResponse:
        origin = current_origin()
        await self._password_change.change(caller(), request.current_password, request.new_password, origin)
        return auth_pb2.ChangePasswordResponse()
