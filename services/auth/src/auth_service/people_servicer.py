"""The rpcs of PeopleService: who belongs to the caller's tenant."""

from typing import Any, TypeAlias, cast
from uuid import UUID

from atalaya.auth.v1 import auth_pb2, people_pb2
from atalaya.auth.v1.people_pb2_grpc import PeopleServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.origin import current_origin
from service_runtime.paging import PageTokens, id_position, page_size

from auth_service import convert_people
from auth_service.accounts import Role
from auth_service.invitations import Invitations
from auth_service.people import People

Context: TypeAlias = ServicerContext[Any, Any]


class PeopleServicer(PeopleServiceServicer):
    """People of the caller's tenant, and who is invited into it."""

    def __init__(self, people: People, invitations: Invitations, pages: PageTokens) -> None:
        self._people = people
        self._invitations = invitations
        self._pages = pages

    async def ListUsers(self, request: people_pb2.ListUsersRequest, context: Context) -> people_pb2.ListUsersResponse:
        identity, size = caller(), page_size(request.page_size)
        query = {"list": "users"}
        position = self._pages.decode(request.page_token, identity.tenant_id, query, id_position)
        found = await self._people.page(identity, position, size + 1)
        users = [convert_people.from_member(member) for member in found[:size]]
        token = self._pages.encode(identity.tenant_id, query, users[-1].id) if len(found) > size else ""
        return people_pb2.ListUsersResponse(users=users, next_page_token=token)

    async def InviteUser(self, request: people_pb2.InviteUserRequest, context: Context) -> auth_pb2.User:
        origin = current_origin()
        made = await self._invitations.invite(caller(), request.email, cast(Role, request.role), origin)
        return convert_people.from_member(made)

    async def UpdateUser(self, request: people_pb2.UpdateUserRequest, context: Context) -> auth_pb2.User:
        wanted, origin = convert_people.to_access_change(request), current_origin()
        return convert_people.from_member(await self._people.change(caller(), UUID(request.user_id), wanted, origin))
