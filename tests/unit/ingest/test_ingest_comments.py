"""Comments: brought in by imports, listed by post, day and page, and copied to the lake."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from atalaya.ingest.v1 import comments_pb2
from atalaya.jobs.v1 import job_pb2
from support.ingest_records import create, lake_follows
from support.ingest_running import Tenant
from support.running import refusal

FILE = """post_id,comment_id,author,comment_text,created_at,like_count,reply_to
p1,c1,ana,¡Qué bien!,2024-05-06T10:00:00Z,3,
p1,c2,luis,"dos
líneas",2024-05-06T11:00:00Z,,c1
p2,c3,,😀,2024-05-07T12:00:00Z,0,
"""


async def listed(tenant: Tenant, role: str = "viewer", **wanted: Any) -> comments_pb2.ListCommentsResponse:
    request = comments_pb2.ListCommentsRequest(**{"account": "banco", **wanted})
    return await tenant.comments.ListComments(request, metadata=tenant.bearer(role))


async def texts(tenant: Tenant, **wanted: Any) -> list[str]:
    return [comment.text for comment in (await listed(tenant, **wanted)).comments]


async def test_comments_are_read_back_as_they_stand_in_the_file(tenant: Tenant) -> None:
    await tenant.add_account()
    post = await create(tenant, id_externo="p1")
    job = await tenant.run(FILE, kind="comments", account="banco")
    assert (job.rows_read, job.rows_written, job.rows_rejected) == (3, 3, 0), job
    newest, middle, oldest = (await listed(tenant)).comments
    assert oldest == comments_pb2.Comment(
        id="1",
        post_id=str(post.id),
        author="ana",
        text="¡Qué bien!",
        created_at=oldest.created_at,
        likes=3,
        id_externo="c1",
    )
    assert oldest.created_at.ToDatetime(UTC) == datetime(2024, 5, 6, 10, tzinfo=UTC)
    assert (middle.text, middle.reply_to, middle.likes) == ("dos\nlíneas", "c1", 0)
    # A post that the tenant does not have is known by its id at its source.
    assert (newest.post_id, newest.author, newest.text) == ("p2", "", "😀")
    lake = tenant.lake_rows("social/comments")
    assert {row["post"]: (row["mes"], row["cuenta"]) for row in lake}["p2"] == ("2024-05", "banco")
    await lake_follows(tenant)


async def test_comments_are_those_of_a_post_by_its_number_or_its_id_at_its_source(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(FILE, kind="comments", account="banco")
    assert await texts(tenant, post_id="p2") == ["😀"]
    assert await texts(tenant, post_id="1") == []
    # The post may come after its comments.
    post = await create(tenant, id_externo="p2")
    assert await texts(tenant, post_id=str(post.id)) == await texts(tenant, post_id="p2") == ["😀"]
    for nobody in ("p3", "2147483648", "99999999999", "²", "nul\0", "'"):
        assert await texts(tenant, post_id=nobody) == []


async def test_comments_are_those_of_days_in_the_tenants_time_zone(tenant: Tenant) -> None:
    await tenant.add_account()
    # In Mexico City both are of the day before.
    file = "post_id,text,created_at\np,late,2024-05-07T05:59:59Z\np,early,2024-05-07T06:00:00Z\n"
    await tenant.run(file, kind="comments", account="banco")
    assert await texts(tenant, start_date="2024-05-07") == ["early"]
    assert await texts(tenant, end_date="2024-05-06") == ["late"]
    for wanted, reason in (
        ({"start_date": "2024-05-07", "end_date": "2024-05-06"}, "DATE_RANGE_REVERSED"),
        ({"start_date": "2024-02-30"}, "BAD_DATE"),
    ):
        error = await refusal(listed(tenant, **wanted))
        assert (error.reason, error.http_status) == (reason, 400)


async def test_pages_hold_every_comment_once_the_newest_first(tenant: Tenant) -> None:
    await tenant.add_account()
    # Several are of one time, so that pages end among equal ones.
    rows = "".join(f"p,t{number},2024-05-0{1 + number // 4}T10:00:00Z\n" for number in range(11))
    await tenant.run(f"post_id,text,created_at\n{rows}", kind="comments", account="banco")
    found, token = [], ""
    while True:
        page = await listed(tenant, page_size=3, page_token=token)
        found += [int(comment.id) for comment in page.comments]
        token = page.next_page_token
        if not token:
            break
    assert found == list(range(11, 0, -1))
    first = await listed(tenant, page_size=3)
    for wanted in ({"account": "banco", "post_id": "p"}, {"start_date": "2024-05-01"}):
        error = await refusal(listed(tenant, page_token=first.next_page_token, **wanted))
        assert error.reason == "BAD_PAGE_TOKEN"


async def test_a_comment_is_the_same_by_its_id_or_by_post_author_time_and_text(tenant: Tenant) -> None:
    await tenant.add_account()
    await tenant.run(FILE, kind="comments", account="banco")
    again = await tenant.run(FILE, kind="comments", account="banco")
    assert (again.rows_written, again.rows_unchanged) == (0, 3)
    changed = await tenant.run(FILE.replace(",3,\n", ",4,\n"), kind="comments", account="banco")
    assert (changed.rows_written, changed.rows_unchanged) == (1, 2)
    rows = (("p", "a", "x", 1), ("p", "b", "x", 1), ("p", "a", "x", 2), ("pa", "", "x", 1))
    without_id = "post_id,author,text,created_at,likes\n" + "".join(
        f"{post},{author},{text},2024-05-06T10:00:00Z,{likes}\n" for post, author, text, likes in rows
    )
    job = await tenant.run(without_id, kind="comments", account="banco")
    assert (job.rows_written, job.rows_unchanged) == (3, 1)
    assert sorted(comment.likes for comment in (await listed(tenant)).comments) == [0, 0, 1, 1, 2, 4]


async def test_bad_comments_are_rejected_with_their_reason(tenant: Tenant) -> None:
    await tenant.add_account()
    rows = (",a,2024-05-06,1", "p,,2024-05-06,1", "p,c,never,1", "p,d,2024-05-06,-1", "p,e,2024-05-06,1")
    file = "\n".join(("post_id,text,created_at,likes", *rows))
    job = await tenant.run(file, kind="comments", account="banco")
    assert (job.rows_written, job.rows_rejected) == (1, 4)
    assert [(row.column, row.reason) for row in await tenant.rejected(job.job_id)] == [
        ("post_id", "is empty"),
        ("text", "is empty"),
        ("created_at", "not a time"),
        ("likes", "below zero"),
    ]


async def test_comments_of_many_accounts_come_by_the_accounts_column(tenant: Tenant) -> None:
    await tenant.add_account()
    file = "cuenta,post_id,text,created_at\nbanco,p,a,2024-05-06\ncaja,p,b,2024-05-06\n"
    job = await tenant.run(file, kind="comments", account_column="cuenta")
    assert (job.rows_written, job.rows_rejected) == (1, 1)
    job = await tenant.run(file, kind="comments", account_column="cuenta", create_accounts=True)
    assert (job.rows_written, job.rows_unchanged) == (1, 1)
    assert await texts(tenant, account="caja") == ["b"]


async def test_comments_of_hidden_and_of_others_accounts_are_forbidden(
    tenant: Tenant, new_tenant: Callable[[], Tenant]
) -> None:
    await tenant.add_account()
    await tenant.run(FILE, kind="comments", account="banco")
    await tenant.set_access("banco", ["admin"])
    other = new_tenant()
    for call in (listed(tenant), listed(tenant, account="nobody"), listed(tenant, account="a\0"), listed(other)):
        error = await refusal(call)
        assert (error.reason, error.http_status) == ("ACCOUNT_FORBIDDEN", 403)
    error = await refusal(tenant.upload(FILE, kind="comments", account="banco"))
    assert error.reason == "ACCOUNT_FORBIDDEN"
    # The control.
    assert len((await listed(tenant, "admin")).comments) == 3


@pytest.mark.parametrize("missing", ["post_id", "comment_text", "created_at"])
async def test_a_file_without_a_needed_column_is_told_which(tenant: Tenant, missing: str) -> None:
    await tenant.add_account()
    job = await tenant.run(FILE.replace(missing, "otra"), kind="comments", account="banco")
    assert (job.status, job.code) == (job_pb2.JobStatus.FAILED, "COLUMN_MISSING")
