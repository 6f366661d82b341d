"""Page tokens of auth's lists that the service did not sign are refused."""

from uuid import UUID, uuid4

from atalaya.auth.v1 import people_pb2
from atalaya.auth.v1.people_pb2_grpc import PeopleServiceStub
from service_runtime.paging import PageTokens
from support.auth_programs import Programs
from support.auth_running import RunningAuth
from support.running import refusal
from support.tokens import bearer


async def test_a_token_that_somebody_else_signed_is_refused(auth: RunningAuth) -> None:
    person = await auth.register()
    token, tenant_id = person.reply.access_token, UUID(person.user.tenant_id)

    def forged(**query: object) -> str:
        return PageTokens(b"a guess").encode(tenant_id, query, str(uuid4()))

    users = people_pb2.ListUsersRequest(page_token=forged(list="users"))
    for call in (
        auth.list_sessions(token, page_token=forged(list="sessions", user=person.user.id)),
        Programs(auth).list_keys(token, page_token=forged(list="api-keys")),
        PeopleServiceStub(auth.channel).ListUsers(users, metadata=bearer(token)),
    ):
        error = await refusal(call)
        assert (error.reason, error.http_status) == ("BAD_PAGE_TOKEN", 400)
