"""What is refused at the door, and the forms in which a file may come."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.jobs.v1 import job_pb2
from ingest_service.multipart import MultipartFile
from ingest_service.spool import Spool, open_spool
from service_runtime.errors import NotFound, UnsupportedMediaType
from support.ingest_running import Tenant, messages
from support.running import refusal

FILE = b"fecha,texto\n2024-01-05,a\n"


async def refused(
    tenant: Tenant, content: bytes = FILE, content_type: str = "text/csv", **parameters: Any
) -> tuple[str, int]:
    wanted = {"kind": "posts", "account": "banco", **parameters}
    call = tenant.data.ImportData(messages(content, content_type, wanted), metadata=tenant.bearer())
    error = await refusal(call)
    return error.reason, error.http_status


async def test_a_viewer_may_not_import(tenant: Tenant) -> None:
    call = tenant.data.ImportData(messages(FILE, "text/csv", {"kind": "posts"}), metadata=tenant.bearer("viewer"))
    assert (await refusal(call)).http_status == 403


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"kind": "likes"}, "UNKNOWN_KIND"),
        ({"kind": ""}, "UNKNOWN_KIND"),
        ({"account": ""}, "ACCOUNT_REQUIRED"),
        ({"account_column": "cuenta"}, "ACCOUNT_AMBIGUOUS"),
        ({"kind": "dataset"}, "DATASET_REQUIRED"),
        ({"kind": "dataset", "dataset": "../users"}, "DATASET_REQUIRED"),
        ({"kind": "dataset", "dataset": "a/b/c"}, "DATASET_REQUIRED"),
        ({"timezone": "Lima"}, "BAD_TIMEZONE"),
        ({"timezone": "localtime"}, "BAD_TIMEZONE"),
        ({"encoding": "utf-9"}, "BAD_ENCODING"),
        ({"encoding": "base64"}, "BAD_ENCODING"),
        ({"delimiter": "||"}, "BAD_DELIMITER"),
        ({"mapping": "corazones:likes"}, "BAD_MAPPING"),
        ({"on_error": "stop"}, "BAD_ON_ERROR"),
        ({"format": "pdf"}, "BAD_FORMAT"),
        ({"content": b""}, "EMPTY_FILE"),
    ],
)
async def test_bad_parameters_are_named(tenant: Tenant, parameters: dict[str, Any], reason: str) -> None:
    await tenant.add_account()
    assert await refused(tenant, **parameters) == (reason, 400)


@pytest.mark.parametrize(
    "parameters",
    [
        {"account": "a\0b", "create_accounts": True},
        {"account": "", "account_column": "a\0b"},
        {"mapping": "likes:a\0b"},
        {"sheet": "a\0b"},
        {"delimiter": "\0"},
        {"kind": "dataset", "dataset": "t", "mapping": "a\0b"},
    ],
)
async def test_a_nul_character_in_a_parameter_is_refused(tenant: Tenant, parameters: dict[str, Any]) -> None:
    await tenant.add_account()
    assert await refused(tenant, **parameters) == ("INVALID_TEXT", 400)


async def test_an_account_that_the_tenant_has_not_is_forbidden(tenant: Tenant) -> None:
    assert await refused(tenant) == ("ACCOUNT_FORBIDDEN", 403)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (FILE, "application/json"),
        (FILE, "application/json; charset=utf-8"),
        (FILE, "image/png"),
        (b"%PDF-1.7" + b"x" * 100, "text/csv"),
        (b"SQLite format 3\x00" + b"x" * 100, "application/octet-stream"),
        (b"BZh9" + b"x" * 100, "text/csv"),
    ],
)
async def test_files_that_are_no_table_are_refused(tenant: Tenant, content: bytes, content_type: str) -> None:
    await tenant.add_account()
    assert await refused(tenant, content, content_type) == ("UNSUPPORTED_FILE_TYPE", 415)


async def test_parameters_are_refused_before_the_file_has_arrived(tenant: Tenant) -> None:
    reasons: list[str] = []
    # A client that is in the middle of a write when the answer comes may tell of the broken write alone.
    while "UNKNOWN_KIND" not in reasons and len(reasons) < 10:
        sent: list[int] = []
        error = await refusal(tenant.data.ImportData(endless(sent), metadata=tenant.bearer()))
        reasons.append(error.reason)
        assert sum(sent) < 100 << 20
    assert reasons[-1] == "UNKNOWN_KIND"


def endless(sent: list[int]) -> Any:
    """Gives a file that takes long to send, and notes how much of it was asked for."""
    for message in messages(b"x" * (200 << 20), "text/csv", {"kind": "likes"}):
        sent.append(len(message.file.data))
        yield message


def body(*parts: tuple[str, bytes]) -> bytes:
    return (
        b"".join(b"--XyZ\r\n" + header.encode() + b"\r\n\r\n" + data + b"\r\n" for header, data in parts)
        + b"--XyZ--\r\n"
    )


FIELD = ('Content-Disposition: form-data; name="note"', b"hello")
UPLOAD = ('Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv', FILE)
# What a browser sends for a file that nobody has chosen.
NOT_CHOSEN = (
    'Content-Disposition: form-data; name="other"; filename=""\r\nContent-Type: application/octet-stream',
    b"",
)
MULTIPART = "multipart/form-data; boundary=XyZ"


@pytest.mark.parametrize("content_type", [MULTIPART, "Multipart/Form-Data; Boundary=XyZ"])
@pytest.mark.parametrize("other", [FIELD, NOT_CHOSEN])
async def test_a_multipart_body_with_one_file_is_taken(
    tenant: Tenant, other: tuple[str, bytes], content_type: str
) -> None:
    await tenant.add_account()
    job = await tenant.run(body(other, UPLOAD), content_type, kind="posts", account="banco")
    assert (job.status, job.rows_written) == (job_pb2.JobStatus.SUCCEEDED, 1), job
    assert [post.contenido for post in await tenant.posts()] == ["a"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (body(FIELD), "NO_FILE"),
        (body(NOT_CHOSEN), "NO_FILE"),
        (body(UPLOAD, UPLOAD), "MORE_THAN_ONE_FILE"),
        (body(UPLOAD)[:-8], "BAD_MULTIPART"),
        (body((UPLOAD[0], b"")), "EMPTY_FILE"),
    ],
)
async def test_other_multipart_bodies_are_refused(tenant: Tenant, content: bytes, reason: str) -> None:
    await tenant.add_account()
    assert await refused(tenant, content, MULTIPART) == (reason, 400)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_multipart_file_is_the_same_however_it_is_cut(size: int) -> None:
    content = b"\r\n--Xy\r\n--\r\nlast\r\n"
    whole = body(FIELD, (UPLOAD[0], content), FIELD)
    multipart = MultipartFile(b"XyZ")
    found = b"".join(multipart.feed(whole[start : start + size]) for start in range(0, len(whole), size))
    assert (found, multipart.ended) == (content, True)


def test_a_json_part_in_a_multipart_body_is_refused() -> None:
    header = 'Content-Disposition: form-data; name="file"; filename="a.json"\r\nContent-Type: application/json'
    with pytest.raises(UnsupportedMediaType):
        MultipartFile(b"XyZ").feed(body((header, b"{}")))


async def test_rejected_rows_of_another_tenant_are_not_found(tenant: Tenant, new_tenant: Any) -> None:
    await tenant.add_account()
    job = await tenant.run("fecha,texto\nayer,a\n", kind="posts", account="banco")
    request = data_pb2.ListRejectedRowsRequest(job_id=job.job_id)
    error = await refusal(tenant.data.ListRejectedRows(request, metadata=new_tenant().bearer()))
    assert (type(error), error.reason) == (NotFound, "JOB_NOT_FOUND")


async def test_rejected_rows_come_in_pages(tenant: Tenant) -> None:
    await tenant.add_account()
    job = await tenant.run("fecha,texto\n" + "ayer,a\n" * 7, kind="posts", account="banco")
    lines, token = [], ""
    while True:
        request = data_pb2.ListRejectedRowsRequest(job_id=job.job_id, page_size=3, page_token=token)
        page = await tenant.data.ListRejectedRows(request, metadata=tenant.bearer())
        lines.append([row.line for row in page.rows])
        token = page.next_page_token
        if not token:
            break
    assert lines == [[2, 3, 4], [5, 6, 7], [8]]


def test_the_spool_removes_only_what_nobody_holds(tmp_path: Any) -> None:
    spool = Spool(tmp_path)
    left = tmp_path / f"spool-{uuid4()}"
    left.mkdir()
    (left / ".lock").touch()
    with spool.folder() as held:
        (held / "upload").write_bytes(b"x")
        assert spool.clean() == 1
        assert (held / "upload").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_cannot_be_made_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="INGEST_SPOOL_FOLDER cannot be used: /proc/spool"):
        open_spool(Path("/proc/spool"))
    with open_spool(tmp_path / "spool").folder() as folder:
        assert folder.is_dir()
