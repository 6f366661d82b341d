"""The Python client and its command, against a server with the public contracts."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from atalaya.auth.v1 import auth_pb2_grpc
from atalaya.ingest.v1 import data_pb2, data_pb2_grpc
from atalaya.jobs.v1.job_pb2 import FAILED, RUNNING, SUCCEEDED
from atalaya.policies import rpc_policies
from atalaya_client import connect, follow_job, import_file, log_in
from service_runtime.config import RuntimeSettings
from service_runtime.errors import ResourceExhausted, Unauthenticated, Unavailable
from service_runtime.server import Server
from support.fake_suite_servicer import FakeAuth, FakeIngest
from support.running import running
from support.tokens import TestIssuer


@pytest.fixture
def ingest() -> FakeIngest:
    return FakeIngest()  # type: ignore[abstract]


@pytest.fixture
async def url(issuer: TestIssuer, tenant_id: UUID, ingest: FakeIngest) -> AsyncIterator[str]:
    server = Server(
        RuntimeSettings(listen_address="127.0.0.1:0"), policies=rpc_policies(), verifier=issuer.verifier(), name="fake"
    )
    # The stubs want every rpc; the client tried here calls these only.
    auth = FakeAuth(issuer.token(tenant_id))  # type: ignore[abstract]
    server.add(auth_pb2_grpc.add_AuthServiceServicer_to_server, auth)
    server.add(data_pb2_grpc.add_DataServiceServicer_to_server, ingest)
    server.add(data_pb2_grpc.add_JobsServiceServicer_to_server, ingest)
    async with running(server):
        yield f"http://{server.address}"


async def test_logging_in_gives_a_connection_that_may_call(url: str) -> None:
    async with await log_in("ana", "right password", url) as atalaya:
        page = await atalaya.jobs.ListJobs(data_pb2.ListJobsRequest())
    assert [job.job_id for job in page.jobs] == ["ingest/1"]


async def test_errors_are_the_runtimes_own(url: str) -> None:
    with pytest.raises(Unauthenticated, match="BAD_CREDENTIALS"):
        await log_in("ana", "wrong", url)
    async with connect(url) as guest:
        with pytest.raises(Unauthenticated, match="TOKEN_REQUIRED"):
            await guest.jobs.ListJobs(data_pb2.ListJobsRequest())


async def test_a_file_is_streamed_and_its_job_followed(url: str, ingest: FakeIngest, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_bytes(os.urandom(1_300_000))
    seen = []
    async with await log_in("ana", "right password", url) as atalaya:
        job_id = await import_file(atalaya, file, data_pb2.ImportDataRequest(kind="posts", account="banco"))
        job = await follow_job(atalaya, job_id, lambda job: seen.append(job.status), pause_seconds=0)
    assert ingest.received == file.read_bytes()
    assert (ingest.messages, ingest.first.account, ingest.first.file.content_type) == (3, "banco", "text/csv")
    assert seen == [RUNNING, RUNNING, SUCCEEDED]
    assert job.rows_read == 7


async def test_a_job_is_followed_past_the_limit_of_calls(url: str, ingest: FakeIngest) -> None:
    ingest.refusal = ResourceExhausted("RATE_LIMITED", "Too many calls.", retry_after=0)
    async with await log_in("ana", "right password", url) as atalaya:
        job = await follow_job(atalaya, "ingest/1", pause_seconds=0)
    assert (job.status, ingest.asked) == (SUCCEEDED, 3)


async def test_a_limit_that_holds_for_hours_is_told(url: str, ingest: FakeIngest) -> None:
    ingest.refusal = ResourceExhausted("RATE_LIMITED", "Too many calls.", retry_after=3000)
    async with await log_in("ana", "right password", url) as atalaya:
        with pytest.raises(ResourceExhausted, match="RATE_LIMITED"):
            await follow_job(atalaya, "ingest/1", pause_seconds=0)


async def test_a_job_is_followed_while_nobody_answers_for_a_while(url: str, ingest: FakeIngest) -> None:
    ingest.refusal, ingest.refusals = Unavailable("AWAY", "Starting anew."), 10
    async with await log_in("ana", "right password", url) as atalaya:
        job = await follow_job(atalaya, "ingest/1", pause_seconds=0)
    assert (job.status, ingest.asked) == (SUCCEEDED, 12)


async def test_who_never_answers_again_is_told(url: str, ingest: FakeIngest) -> None:
    ingest.refusal, ingest.refusals = Unavailable("AWAY", "Starting anew."), 10**6
    async with await log_in("ana", "right password", url) as atalaya:
        with pytest.raises(Unavailable, match="AWAY"):
            await follow_job(atalaya, "ingest/1", pause_seconds=0)


@pytest.mark.parametrize("bad", ["", "localhost:8000", "ftp://x", "http://host/path"])
def test_what_is_no_address_of_a_suite_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        connect(bad)


async def atalaya(home: Path, *words: str, typed: str = "") -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "atalaya_client",
        *words,
        env={**os.environ, "XDG_CONFIG_HOME": str(home)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(typed.encode())
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_command_logs_in_imports_and_lists(url: str, ingest: FakeIngest, tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("a,b\n")
    code, out, _ = await atalaya(tmp_path, "login", "ana", "--url", url, typed="right password\n")
    kept = tmp_path / "atalaya" / "login.json"
    assert code == 0
    assert str(kept) in out
    assert kept.stat().st_mode & 0o077 == 0
    code, out, _ = await atalaya(tmp_path, "import", str(file), "--kind", "posts", "--account", "banco")
    assert code == 0
    assert "SUCCEEDED" in out
    assert ingest.received == b"a,b\n"
    ingest.last_status = FAILED
    assert (await atalaya(tmp_path, "import", str(file), "--kind", "posts"))[0] == 1
    assert "ingest/1  import  SUCCEEDED" in (await atalaya(tmp_path, "jobs"))[1]


async def test_the_command_says_what_is_wrong_in_a_sentence(url: str, tmp_path: Path) -> None:
    code, _, err = await atalaya(tmp_path, "login", "ana", "--url", url, typed="wrong\n")
    assert code == 1
    assert "Name or password is wrong." in err
    assert "Traceback" not in err


async def test_the_command_takes_comments_a_format_and_a_sheet(url: str, ingest: FakeIngest, tmp_path: Path) -> None:
    file = tmp_path / "comments.xlsx"
    file.write_bytes(b"PK")
    await atalaya(tmp_path, "login", "ana", "--url", url, typed="right password\n")
    words = ("--kind", "comments", "--format", "xlsx", "--sheet", "Hoja 2", "--account", "banco")
    code, _, err = await atalaya(tmp_path, "import", str(file), *words)
    assert code == 0, err
    assert (ingest.first.kind, ingest.first.format, ingest.first.sheet) == ("comments", "xlsx", "Hoja 2")


async def test_the_command_names_the_file_that_it_cannot_read_or_write(url: str, tmp_path: Path) -> None:
    await atalaya(tmp_path, "login", "ana", "--url", url, typed="right password\n")
    for path in (tmp_path / "missing.csv", tmp_path):
        code, _, err = await atalaya(tmp_path, "import", str(path), "--kind", "posts")
        assert (code, str(path) in err, "Traceback" in err) == (1, True, False), err
    for path in (tmp_path / "missing" / "posts.csv", tmp_path):
        code, _, err = await atalaya(tmp_path, "export", "--kind", "posts", "-o", str(path))
        assert (code, str(path) in err) == (1, True), err
