"""Bad files through the real gateway: a clear 4xx, or a job that says what is wrong, with the good rows in."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.newcomer import ended, imported, newcomer, uploaded
from support.running_suite import RunningSuite

HEADER = b"published_at,text,likes\n"


@pytest.fixture(scope="module")
def client(suite: RunningSuite) -> Iterator[httpx.Client]:
    with newcomer(suite, "bad-files") as client:
        client.post("/api/v1/social-accounts", json={"platform": "csv", "username": "uno"}).raise_for_status()
        yield client


def posts(client: httpx.Client) -> set[str]:
    return {post["contenido"] for post in client.get("/crud/publicaciones/uno", params={"limit": 1000}).json()}


def test_bad_rows_are_listed_with_line_and_reason_and_good_ones_are_in(client: httpx.Client) -> None:
    rows = b"2026-01-01,good one,1\n2026-13-45,bad time,2\n2026-01-03,bad count,many\n2026-01-04,good two,4\n"
    job = imported(client, HEADER + rows, kind="posts", account="uno")
    assert [job[name] for name in ("rows_read", "rows_written", "rows_unchanged", "rows_rejected")] == [4, 2, 0, 2]
    listed = client.get(f"/api/v1/data/imports/{job['job_id']}/rejected").json()["rows"]
    assert [(row["line"], row["column"], row["value"]) for row in listed] == [
        (3, "published_at", "2026-13-45"),
        (4, "likes", "many"),
    ]
    assert all(row["reason"] and row["raw"] for row in listed)
    assert {"good one", "good two"} <= posts(client)


def test_one_bad_row_leaves_nothing_where_the_caller_says_fail(client: httpx.Client) -> None:
    content = HEADER + b"2026-02-01,never in,1\n2026-02-02,bad,x\n"
    job = ended(client, uploaded(client, content, kind="posts", account="uno", on_error="fail"))
    assert (job["status"], job["code"]) == ("FAILED", "ROWS_REJECTED")
    assert "never in" not in posts(client)


def test_a_missing_column_is_named(client: httpx.Client) -> None:
    job = ended(client, uploaded(client, b"when,likes\n2026-01-01,3\n", kind="posts", account="uno"))
    assert (job["status"], job["code"]) == ("FAILED", "COLUMN_MISSING")
    assert "fecha_publicacion" in job["error"]


def test_a_wrong_encoding_is_said(client: httpx.Client) -> None:
    content = "published_at,text\n2026-01-01,canción\n".encode("cp1252")
    job = ended(client, uploaded(client, content, kind="posts", account="uno", encoding="utf-8"))
    assert (job["status"], job["code"]) == ("FAILED", "WRONG_ENCODING")


def test_a_file_of_no_bytes_is_refused(client: httpx.Client) -> None:
    reply = uploaded(client, b"", kind="posts", account="uno")
    assert (reply.status_code, reply.json()["code"]) == (400, "EMPTY_FILE")


def test_a_csv_sent_as_json_is_refused(client: httpx.Client) -> None:
    parameters = {"kind": "posts", "account": "uno"}
    headers = {"content-type": "application/json"}
    reply = client.post("/api/v1/data/import", params=parameters, content=HEADER, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (415, "UNSUPPORTED_FILE_TYPE")
    assert "text/csv" in reply.headers["accept"]


def test_an_unknown_kind_and_an_account_of_nobody_are_refused(client: httpx.Client) -> None:
    unknown = uploaded(client, HEADER, kind="pictures", account="uno")
    foreign = uploaded(client, HEADER, kind="posts", account="somebody-else")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "UNKNOWN_KIND")
    assert (foreign.status_code, foreign.json()["code"]) == (403, "ACCOUNT_FORBIDDEN")


def test_one_endless_line_costs_no_memory_and_leaves_the_rest(client: httpx.Client, suite: RunningSuite) -> None:
    def lines() -> Iterator[bytes]:
        yield HEADER + b"2026-03-01,before the long line,1\n2026-03-02,"
        for _ in range(64):
            yield b"x" * 1_000_000
        yield b",2\n2026-03-03,after the long line,3\n"

    job = ended(client, uploaded(client, lines(), kind="posts", account="uno"))
    assert (job["status"], job["rows_written"], job["rows_rejected"]) == ("SUCCEEDED", 2, 1), job
    assert {"before the long line", "after the long line"} <= posts(client)


def test_every_polluted_file_ends_in_words(client: httpx.Client, shared_data: Path) -> None:
    """A tenth of the benchmark, evenly: each upload is a 4xx or a job that ends, and the counts of each job add up."""
    with tarfile.open(shared_data / "messy_csv/pollock.tar.gz") as archive:
        members = [member for member in archive.getmembers() if "/csv/" in f"/{member.name}" and member.isfile()]
        files = {member.name: (archive.extractfile(member) or io.BytesIO()).read() for member in members[::10]}
    replies = {name: uploaded(client, content, kind="posts", account="uno") for name, content in files.items()}
    assert {name: reply.text for name, reply in replies.items() if reply.status_code >= 500} == {}
    for name, reply in replies.items():
        if reply.status_code == httpx.codes.ACCEPTED:
            job = ended(client, reply)
            counted = job["rows_written"] + job["rows_unchanged"] + job["rows_rejected"]
            assert job["rows_read"] == counted, (name, job)
            assert job["code"] != "INTERNAL", (name, job)
        else:
            assert reply.json()["code"], (name, reply.text)
