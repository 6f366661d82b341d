"""The rpcs of ProfileService: what people change about themselves."""

from typing import Any, TypeAlias, cast

from atalaya.auth.v1 import auth_pb2, profile_pb2
from atalaya.auth.v1.profile_pb2_grpc import ProfileServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.origin import current_origin

from auth_service import convert, convert_people
from auth_service.accounts import Language
from auth_service.own_deletion import OwnDeletion
from auth_service.profile import OwnProfile

Context: TypeAlias = ServicerContext[Any, Any]


class ProfileServicer(ProfileServiceServicer):
    """The caller's own profile and settings."""

    def __init__(self, profile: OwnProfile, deletion: OwnDeletion) -> None:
        self._profile = profile
        self._deletion = deletion

    async def UpdateMe(self, request: profile_pb2.UpdateMeRequest, context: Context) -> auth_pb2.User:
        changed = await self._profile.rename(
            caller(),
            full_name=request.full_name if request.HasField("full_name") else None,
            username=request.username if request.HasField("username") else None,
            origin=current_origin(),
        )
        return convert.from_user(changed.user, changed.tenant)

    async def DeleteMe(self, request: profile_pb2.DeleteMeRequest, context: Context) -> profile_pb2.DeleteMeResponse:
        await self._deletion.delete(caller(), request.password, current_origin())
        return profile_pb2.DeleteMeResponse()

    async def GetMySettings(
        self, request: profile_pb2.GetMySettingsRequest, context: Context
    ) -> profile_pb2.UserSettings:
        return convert_people.from_settings(await self._profile.settings(caller()))

    async def UpdateMySettings(
        self, request: profile_pb2.UpdateMySettingsRequest, context: Context
    ) -> profile_pb2.UserSettings:
        changed = await self._profile.change_settings(
            caller(),
            language=cast(Language, request.language) if request.HasField("language") else None,
            timezone=request.timezone if request.HasField("timezone") else None,
            email_notifications=request.email_notifications if request.HasField("email_notifications") else None,
            origin=current_origin(),
        )
        return convert_people.from_settings(changed)
