"""Rejected rows are given out to be corrected, tried again, and leave the list when they are taken."""

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.jobs.v1 import job_pb2
from support.ingest_running import Tenant
from support.running import refusal

BAD = "fecha;texto;likes\n2024-01-05;a;1\n2024-01-06;b;-2\nmañana;c;3\n2024-01-08;d;4;5\n"
PARAMETERS = {"kind": "posts", "account": "banco"}
SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


def correction(line: int, drop: bool = False, **values: str) -> data_pb2.RowCorrection:
    return data_pb2.RowCorrection(line=line, values=values, drop=drop)


async def replayed(tenant: Tenant, job_id: str, *corrections: data_pb2.RowCorrection, **more: Any) -> str:
    request = data_pb2.ReplayRejectedRowsRequest(job_id=job_id, corrections=corrections, **more)
    return (await tenant.data.ReplayRejectedRows(request, metadata=tenant.bearer())).job_id


async def run(tenant: Tenant, job_id: str, *corrections: data_pb2.RowCorrection, **more: Any) -> job_pb2.Job:
    job = await tenant.ended(await replayed(tenant, job_id, *corrections, **more))
    assert job.rows_read == job.rows_written + job.rows_unchanged + job.rows_rejected
    return job


async def refused(tenant: Tenant, job_id: str, *corrections: data_pb2.RowCorrection, **more: Any) -> tuple[str, int]:
    request = data_pb2.ReplayRejectedRowsRequest(job_id=job_id, corrections=corrections, **more)
    error = await refusal(tenant.data.ReplayRejectedRows(request, metadata=tenant.bearer()))
    return error.reason, error.http_status


async def downloaded(tenant: Tenant, job_id: str, *, raw: bool = False) -> list[list[str]]:
    request = data_pb2.DownloadRejectedRowsRequest(job_id=job_id, raw=raw)
    call = tenant.data.DownloadRejectedRows(request, metadata=tenant.bearer("viewer"))
    parts = [part async for part in call]
    assert parts[0].content_type == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(b"".join(part.data for part in parts).decode())))


async def lines(tenant: Tenant, job_id: str) -> list[int]:
    return [row.line for row in await tenant.rejected(job_id)]


async def test_rows_that_are_taken_leave_the_list_and_the_first_jobs_counts_stay(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    assert (first.rows_written, first.rows_rejected, await lines(tenant, first.job_id)) == (1, 3, [3, 4, 5])
    job = await run(tenant, first.job_id, correction(3, likes="2"), correction(4, fecha="2024-01-07"))
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, 3, 2, 1)
    assert job.details["replay_of"] == first.job_id
    assert {(post.contenido, post.likes) for post in await tenant.posts()} == {("a", 1), ("b", 2), ("c", 3)}
    assert len(tenant.lake_rows("social/posts")) == 3
    assert await lines(tenant, first.job_id) == await lines(tenant, job.job_id) == [5]
    again = await tenant.ended(first.job_id)
    assert (again.rows_read, again.rows_written, again.rows_rejected) == (4, 1, 3)


async def test_rows_that_are_rejected_again_say_why_now(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    job = await run(tenant, first.job_id, correction(3, likes="muchos"), correction(4, drop=True))
    assert (job.rows_read, job.rows_rejected) == (2, 2)
    rows = await tenant.rejected(first.job_id)
    assert [(row.line, row.column, row.value, row.raw) for row in rows] == [
        (3, "likes", "muchos", "2024-01-06;b;-2"),
        (5, "", "", "2024-01-08;d;4;5"),
    ]


async def test_a_row_whose_cells_cannot_be_told_takes_all_of_them_from_its_correction(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    job = await run(tenant, first.job_id, correction(5, fecha="2024-01-08", texto="d;4", likes="5"))
    assert (job.rows_written, job.rows_rejected) == (1, 2)
    assert [post.likes for post in await tenant.posts() if post.contenido == "d;4"] == [5]


@pytest.mark.parametrize("content_type", ["text/csv", "application/x-ndjson"])
async def test_a_row_with_a_nul_character_is_not_taken_with_another_in_its_place(
    tenant: Tenant, content_type: str
) -> None:
    await tenant.add_account()
    csv_row, json_row = "fecha,texto\n2024-01-05,a\0b\n", '{"fecha": "2024-01-05", "texto": "a\\u0000b"}\n'
    content = csv_row if content_type == "text/csv" else json_row
    first = await tenant.run(content, content_type, **PARAMETERS)
    assert first.rows_rejected == 1
    job = await run(tenant, first.job_id)
    assert (job.rows_written, job.rows_rejected) == (0, 1)
    [row] = await tenant.rejected(first.job_id)
    assert row.reason == "has a NUL character"
    await run(tenant, first.job_id, correction(row.line, fecha="2024-01-05", texto="ab"))
    assert [post.contenido for post in await tenant.posts()] == ["ab"]


async def test_a_replay_that_is_repeated_changes_nothing(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    fixed = (correction(3, likes="2"), correction(4, drop=True), correction(5, drop=True))
    await run(tenant, first.job_id, *fixed)
    assert await refused(tenant, first.job_id, *fixed) == ("NOTHING_TO_REPLAY", 409)
    assert await lines(tenant, first.job_id) == []
    assert len(await tenant.posts()) == 2


async def test_what_is_not_on_the_list_is_refused(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    assert await refused(tenant, first.job_id, correction(2, likes="1")) == ("LINE_NOT_REJECTED", 400)
    assert await refused(tenant, first.job_id, correction(3, corazones="1")) == ("UNKNOWN_COLUMN", 400)
    assert await refused(tenant, first.job_id, correction(3), correction(3)) == ("LINE_TWICE", 400)
    assert await refused(tenant, first.job_id, mapping={"likes": "corazones"}) == ("UNKNOWN_COLUMN", 400)
    assert await refused(tenant, first.job_id, mapping={"corazones": "likes"}) == ("BAD_MAPPING", 400)
    good = await tenant.run("fecha;texto\n2024-02-05;a\n", **PARAMETERS)
    assert await refused(tenant, good.job_id) == ("NOTHING_TO_REPLAY", 409)
    assert await refused(Tenant(tenant.suite), first.job_id) == ("JOB_NOT_FOUND", 404)


async def test_another_mapping_reads_the_same_rows_otherwise(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run("fecha,texto,likes,corazones\n2024-01-05,a,-1,7\n2024-01-06,b,1,9\n", **PARAMETERS)
    assert first.rows_rejected == 1
    job = await run(tenant, first.job_id, mapping={"likes": "corazones"})
    assert job.rows_written == 1
    assert {(post.contenido, post.likes) for post in await tenant.posts()} == {("a", 7), ("b", 1)}


async def test_dates_and_numbers_are_read_as_in_the_whole_file(tenant: Tenant) -> None:
    await tenant.add_account()
    rows = ["12/31/2023,x,1.234", "01/13/2024,y,5.678", "03/04/2024,z,-1"]
    first = await tenant.run("fecha,texto,likes\n" + "\n".join(rows), **PARAMETERS)
    assert (first.rows_written, first.rows_rejected) == (2, 1)
    # By itself 03/04 would be a day in April, and 1.500 no whole number.
    await run(tenant, first.job_id, correction(4, likes="1.500"))
    found = {post.contenido: post for post in await tenant.posts()}
    assert (found["z"].likes, found["z"].fecha_publicacion.ToDatetime().month) == (1500, 3)


async def test_all_or_nothing_holds_for_a_replay_too(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS, on_error="fail")
    assert (first.status, first.code) == (FAILED, "ROWS_REJECTED")
    job = await run(tenant, first.job_id, correction(3, likes="2"))
    assert (job.status, job.code) == (FAILED, "ROWS_REJECTED")
    assert await tenant.posts() == []
    assert await lines(tenant, first.job_id) == [3, 4, 5]


async def test_a_dry_run_is_replayed_without_writing(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS, dry_run=True)
    job = await run(tenant, first.job_id, correction(3, likes="2"))
    assert (job.status, job.rows_written) == (SUCCEEDED, 1)
    assert await tenant.posts() == []
    assert await lines(tenant, first.job_id) == [3, 4, 5]


async def test_a_row_longer_than_what_is_kept_needs_all_its_cells(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(f"fecha,texto,likes\n2024-01-05,{'x' * 11_000},-1\n", **PARAMETERS)
    job = await run(tenant, first.job_id)
    assert job.rows_rejected == 1
    assert "10000 characters" in (await tenant.rejected(first.job_id))[0].reason
    job = await run(tenant, first.job_id, correction(2, fecha="2024-01-05", texto="short", likes="1"))
    assert (job.rows_written, await lines(tenant, first.job_id)) == (1, [])


async def test_the_download_holds_the_rows_as_a_file_to_be_corrected(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    rows = await downloaded(tenant, first.job_id)
    assert rows[0] == ["line", "column", "value", "reason", "fecha", "texto", "likes"]
    assert [(row[0], row[4:]) for row in rows[1:]] == [
        ("3", ["2024-01-06", "b", "-2"]),
        ("4", ["mañana", "c", "3"]),
        ("5", ["2024-01-08", "d", "4", "5"]),
    ]
    corrected = io.StringIO()
    csv.writer(corrected).writerows([rows[0], *([*row[:4], "2024-03-01", row[5], "9"] for row in rows[1:])])
    again = await tenant.run(corrected.getvalue(), **PARAMETERS)
    assert again.rows_written == 3


async def test_cells_that_a_spreadsheet_would_run_are_harmless_unless_they_are_asked_for_as_they_are(
    tenant: Tenant,
) -> None:
    await tenant.add_account()
    texts = ["=HYPERLINK(1)", "+cmd|x", "@SUM(1)", "-1+1", "\uff1dx"]
    rows = "".join(f"2024-01-05,{text},-1.5\n" for text in texts)
    first = await tenant.run(f"fecha,texto,=likes\n{rows}", **PARAMETERS, mapping="likes:=likes")
    found = await downloaded(tenant, first.job_id)
    assert found[0][4:] == ["fecha", "texto", "'=likes"]
    assert [row[5] for row in found[1:]] == [f"'{text}" for text in texts]
    assert {row[6] for row in found[1:]} == {"-1.5"}
    assert [row[5] for row in (await downloaded(tenant, first.job_id, raw=True))[1:]] == texts


def parquet(rows: list[dict[str, str]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


ROWS = [
    {"fecha": "2024-01-05", "texto": 'a "b", c\nd', "likes": "-1"},
    {"fecha": "2024-01-06", "texto": "e", "likes": "1"},
]
QUOTED = 'fecha,texto,likes\n2024-01-05,"a ""b"", c\nd",-1\n2024-01-06,e,1\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (QUOTED.encode(), "text/csv"),
        ("\n".join(map(json.dumps, ROWS)).encode(), "application/x-ndjson"),
        (parquet(ROWS), "application/vnd.apache.parquet"),
    ],
)
async def test_the_cells_of_every_format_come_back_as_they_were(
    tenant: Tenant, content: bytes, content_type: str
) -> None:
    await tenant.add_account()
    first = await tenant.run(content, content_type, **PARAMETERS)
    (row,) = await tenant.rejected(first.job_id)
    assert (await downloaded(tenant, first.job_id))[1][4:] == ["2024-01-05", 'a "b", c\nd', "-1"]
    assert (await run(tenant, first.job_id, correction(row.line, likes="3"))).rows_written == 1
    assert {(post.contenido, post.likes) for post in await tenant.posts()} == {('a "b", c\nd', 3), ("e", 1)}


async def test_transactions_are_replayed_into_a_file_of_their_own(tenant: Tenant) -> None:
    first = await tenant.run("id_cuenta,fecha,monto\n1,2024-01-05,5\n2,2024-01-06,x\n", kind="transactions")
    assert first.rows_rejected == 1
    assert (await run(tenant, first.job_id, correction(3, monto="7"))).rows_written == 1
    files = list((tenant.lake / "datavision/transactions").iterdir())
    assert sorted(row["monto"] for file in files for row in pq.read_table(file).to_pylist()) == ["5", "7"]


async def test_rows_of_a_dataset_are_added_to_it_once(tenant: Tenant) -> None:
    first = await tenant.run("a,b\n1,2\n3\n4,5\n6\n", kind="dataset", dataset="mysql/users")
    assert (first.rows_written, await lines(tenant, first.job_id)) == (2, [3, 5])
    assert (await run(tenant, first.job_id, correction(3, a="3", b="x"))).rows_written == 1
    file = tenant.lake / "mysql/users/users.csv"
    assert file.read_text().split() == ['"a","b"', '"1","2"', '"4","5"', '"3","x"']
    # What a killed attempt has added to the file goes again.
    file.write_text(file.read_text() + '"9","9"\n')
    assert (await run(tenant, first.job_id, correction(5, a="6", b="y"))).rows_written == 1
    assert file.read_text().split() == ['"a","b"', '"1","2"', '"4","5"', '"3","x"', '"6","y"']
    same = await tenant.run("a,b\n1,2\n3\n4,5\n6\n", kind="dataset", dataset="mysql/users")
    assert same.rows_unchanged == 2


async def test_rows_of_a_dataset_that_was_replaced_are_not_added(tenant: Tenant) -> None:
    first = await tenant.run("a,b\n1,2\n3\n", kind="dataset", dataset="users")
    await tenant.run("a,b\n7,8\n", kind="dataset", dataset="users")
    job = await run(tenant, first.job_id, correction(3, a="3", b="x"))
    assert (job.status, job.code) == (FAILED, "DATASET_CHANGED")
    assert await lines(tenant, first.job_id) == [3]


async def test_one_replay_at_a_time_and_of_imports_that_have_ended(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    tenant.set_job(first.job_id, "status = 'RUNNING'")
    assert await refused(tenant, first.job_id) == ("JOB_NOT_ENDED", 409)
    tenant.set_job(first.job_id, "status = 'SUCCEEDED'")
    replay = await run(tenant, first.job_id)
    tenant.set_job(replay.job_id, "status = 'RUNNING'")
    assert await refused(tenant, first.job_id) == ("REPLAY_UNDER_WAY", 409)
    tenant.set_job(replay.job_id, "status = 'SUCCEEDED'")
    assert (await run(tenant, first.job_id, correction(3, likes="2"))).rows_written == 1


async def test_the_error_says_that_more_were_rejected_than_are_kept(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    await run(tenant, first.job_id, *(correction(line, drop=True) for line in (3, 4, 5)))
    tenant.set_job(first.job_id, "rows_rejected = 100007")
    request = data_pb2.ReplayRejectedRowsRequest(job_id=first.job_id)
    error = await refusal(tenant.data.ReplayRejectedRows(request, metadata=tenant.bearer()))
    assert (error.reason, error.metadata["not_kept"]) == ("NOTHING_TO_REPLAY", "7")
    assert "only the first 100000" in error.message


async def test_rows_of_accounts_that_a_caller_may_not_see_are_neither_given_nor_tried(tenant: Tenant) -> None:
    await tenant.add_account()
    first = await tenant.run(BAD, **PARAMETERS)
    await tenant.set_access("banco", roles=["admin"])
    assert await refused(tenant, first.job_id) == ("ACCOUNT_FORBIDDEN", 403)
    request = data_pb2.DownloadRejectedRowsRequest(job_id=first.job_id)
    call = tenant.data.DownloadRejectedRows(request, metadata=tenant.bearer("user"))
    assert (await refusal(anext(aiter(call)))).http_status == 403
    # The control: who may see the account has both.
    call = tenant.data.DownloadRejectedRows(request, metadata=tenant.bearer("admin"))
    assert len([part async for part in call]) == 2
