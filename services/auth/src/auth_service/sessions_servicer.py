"""The rpcs of SessionsService: the caller's own sessions."""

from typing import Any, TypeAlias
from uuid import UUID

from atalaya.auth.v1 import auth_pb2
from atalaya.auth.v1.auth_pb2_grpc import SessionsServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.origin import current_origin
from service_runtime.paging import PageTokens, id_position, page_size

from auth_service import convert
from auth_service.own_sessions import OwnSessions

Context: TypeAlias = ServicerContext[Any, Any]


class SessionsServicer(SessionsServiceServicer):
    """Sessions of the caller."""

    def __init__(self, own_sessions: OwnSessions, pages: PageTokens) -> None:
        self._own_sessions = own_sessions
        self._pages = pages

    async def ListSessions(
        self, request: auth_pb2.ListSessionsRequest, context: Context
    ) -> auth_pb2.ListSessionsResponse:
        identity, size = caller(), page_size(request.page_size)
        query = {"list": "sessions", "user": identity.subject}
        position = self._pages.decode(request.page_token, identity.tenant_id, query, id_position)
        found = await self._own_sessions.page(identity, position, size + 1)
        token = ""
        if len(found) > size:
            token = self._pages.encode(identity.tenant_id, query, str(found[size - 1].session_id))
        return auth_pb2.ListSessionsResponse(
            sessions=[convert.from_session(session, identity.session_id) for session in found[:size]],
            next_page_token=token,
        )

    async def DeleteSession(
        self, request: auth_pb2.DeleteSessionRequest, context: Context
    ) -> auth_pb2.DeleteSessionResponse:
        await self._own_sessions.end(caller(), UUID(request.id), current_origin())
        return auth_pb2.DeleteSessionResponse()
