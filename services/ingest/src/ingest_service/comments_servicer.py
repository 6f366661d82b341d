"""The rpc of CommentsService."""

from datetime import UTC, datetime
from typing import Any

from atalaya.ingest.v1 import comments_pb2
from atalaya.ingest.v1.comments_pb2_grpc import CommentsServiceServicer
from grpc.aio import ServicerContext
from service_runtime.identity import caller
from service_runtime.paging import PageTokens, number_position, page_size

from ingest_service import convert
from ingest_service.account_store import name_key
from ingest_service.comment_store import CommentFilter
from ingest_service.comments import Comments
from ingest_service.records import days


class CommentsServicer(CommentsServiceServicer):
    """Comments of the caller's tenant."""

    def __init__(self, comments: Comments, pages: PageTokens) -> None:
        self._comments = comments
        self._pages = pages

    async def ListComments(
        self, request: comments_pb2.ListCommentsRequest, context: ServicerContext[Any, Any]
    ) -> comments_pb2.ListCommentsResponse:
        identity, size = caller(), page_size(request.page_size)
        since, before = days(request.start_date, request.end_date, identity.timezone, ("start_date", "end_date"))
        wanted = CommentFilter(request.post_id, since, before)
        query = {"comments": name_key(request.account), "post": wanted.post, "since": since, "before": before}
        behind = self._pages.decode(request.page_token, identity.tenant_id, query, _place)
        found = await self._comments.page(identity, request.account, wanted, behind, size + 1)
        token = ""
        if len(found) > size:
            last = found[size - 1]
            token = self._pages.encode(identity.tenant_id, query, [last.fecha.isoformat(), last.id_comentario])
        return comments_pb2.ListCommentsResponse(
            comments=[convert.from_comment(comment) for comment in found[:size]], next_page_token=token
        )


def _place(position: Any) -> tuple[datetime, int]:
    moment, number = position
    return datetime.fromisoformat(moment).astimezone(UTC), number_position(number)
