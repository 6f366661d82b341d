"""Page tokens of auth's lists whose place was made up are refused, not stumbled over."""

from uuid import UUID

import pytest
from atalaya.auth.v1 import people_pb2
from atalaya.auth.v1.people_pb2_grpc import PeopleServiceStub
from service_runtime.paging import encode_page_token
from support.auth_programs import Programs
from support.auth_running import RunningAuth
from support.running import refusal
from support.tokens import bearer


@pytest.mark.parametrize("position", ["x", 7, None, {}, [], "\0"])
async def test_a_place_that_is_none_is_refused(auth: RunningAuth, position: object) -> None:
    person = await auth.register()
    token, tenant_id = person.reply.access_token, UUID(person.user.tenant_id)

    def forged(**query: object) -> str:
        return encode_page_token(tenant_id, query, position)

    users = people_pb2.ListUsersRequest(page_token=forged(list="users"))
    for call in (
        auth.list_sessions(token, page_token=forged(list="sessions", user=person.user.id)),
        Programs(auth).list_keys(token, page_token=forged(list="api-keys")),
        PeopleServiceStub(auth.channel).ListUsers(users, metadata=bearer(token)),
    ):
        error = await refusal(call)
        assert (error.reason, error.http_status) == ("BAD_PAGE_TOKEN", 400)
