"""One suite for every place a lake can lie in."""

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID, uuid4

import deltalake
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from service_runtime.config import RuntimeSettings
from service_runtime.errors import InvalidArgument, NotFound, Unavailable
from service_runtime.lake import Lake, lake_alive, tenant_lake
from service_runtime.lake.s3_failures import failures
from support import s3

TENANT = UUID("0192f3a4-0000-7000-8000-000000000001")


@pytest.fixture(params=["file", "s3"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> RuntimeSettings:
    if request.param == "file":
        return RuntimeSettings(atalaya_lake=f"file://{tmp_path}/lake")
    return RuntimeSettings(
        atalaya_lake=f"s3://{s3.new_bucket()}/some/prefix",
        aws_endpoint_url=s3.endpoint(),
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


@pytest.fixture
def lake(settings: RuntimeSettings) -> Lake:
    return tenant_lake(settings, TENANT)


def test_what_is_put_is_read_again(lake: Lake, tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_bytes(b"a,b\n1,2\n")
    stored = lake.put_file(source, "mysql/users/users.csv")
    assert (stored.path, stored.size) == ("mysql/users/users.csv", 8)
    assert lake.read_bytes("mysql/users/users.csv") == b"a,b\n1,2\n"
    assert lake.head("mysql/users/users.csv") == stored
    assert lake.fetch("mysql/users/users.csv", tmp_path / "new" / "copy.csv").etag == stored.etag
    assert (tmp_path / "new" / "copy.csv").read_bytes() == b"a,b\n1,2\n"


def test_of_two_writers_of_one_object_the_second_is_refused_and_the_first_stays(lake: Lake, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    made = lake.put_over(first, "a/b", None)
    with pytest.raises(Unavailable, match="LAKE_OBJECT_CHANGED"):
        lake.put_over(second, "a/b", None)
    assert lake.read_bytes("a/b") == b"first"
    assert lake.put_over(second, "a/b", made).etag != made.etag
    with pytest.raises(Unavailable, match="LAKE_OBJECT_CHANGED"):
        lake.put_over(first, "a/b", made)
    assert lake.read_bytes("a/b") == b"second"
    gone = lake.head("a/b")
    lake.delete("a/b")
    with pytest.raises(Unavailable, match="LAKE_OBJECT_CHANGED"):
        lake.put_over(first, "a/b", gone)
    assert lake.list("") == []


def test_of_many_writers_at_once_one_wins(lake: Lake, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}" for number in range(8)]
    for file in files:
        file.write_text(file.name)

    def put(file: Path) -> str:
        try:
            lake.put_over(file, "a/b", None)
        except Unavailable:
            return ""
        return file.name

    with ThreadPoolExecutor(len(files)) as threads:
        won = [name for name in threads.map(put, files) if name]
    assert [lake.read_bytes("a/b").decode()] == won


def test_a_part_of_an_object_is_read(lake: Lake) -> None:
    lake.put_bytes(b"0123456789", "a/b")
    assert lake.read_range("a/b", 0, 3) == b"012"
    assert lake.read_range("a/b", 7, 99) == b"789"
    with pytest.raises(NotFound, match="OBJECT_NOT_FOUND"):
        lake.read_range("nothing", 0, 1)


def test_what_is_not_there_is_not_found(lake: Lake, tmp_path: Path) -> None:
    assert lake.head("nothing") is None
    assert lake.list("") == []
    lake.delete("nothing")
    with pytest.raises(NotFound, match="OBJECT_NOT_FOUND"):
        lake.read_bytes("nothing")
    with pytest.raises(NotFound, match="OBJECT_NOT_FOUND"):
        lake.fetch("nothing", tmp_path / "copy")
    assert list(tmp_path.glob("*copy*")) == []


def test_listing_gives_a_folders_objects_by_path(lake: Lake) -> None:
    for path in ("b/2", "b/1/x", "a/1", "bb/1"):
        lake.put_bytes(b"x", path)
    assert [item.path for item in lake.list("")] == ["a/1", "b/1/x", "b/2", "bb/1"]
    assert [item.path for item in lake.list("b")] == [item.path for item in lake.list("b/")] == ["b/1/x", "b/2"]
    lake.delete("b/2")
    assert [item.path for item in lake.list("b")] == ["b/1/x"]


def test_a_folder_is_deleted_with_all_that_is_below_it(lake: Lake, settings: RuntimeSettings) -> None:
    other = tenant_lake(settings, uuid4())
    for path in ("social/posts/1", "social/posts/deep/2", "social/posts2/3", "mysql/4"):
        lake.put_bytes(b"x", path)
        other.put_bytes(b"x", path)
    assert lake.delete_below("social/posts") == 2
    assert [item.path for item in lake.list("")] == ["mysql/4", "social/posts2/3"]
    assert lake.delete_below("") == 2
    assert lake.delete_below("") == 0
    assert lake.list("") == []
    assert len(other.list("")) == 4


def test_more_objects_than_one_call_deletes_are_deleted(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service_runtime.lake.s3._DELETED_AT_ONCE", 4)
    for number in range(11):
        lake.put_bytes(b"", f"many/{number}")
    assert lake.delete_below("") == 11
    assert lake.list("") == []


def test_nothing_is_left_of_a_tenant_in_a_folder(tmp_path: Path) -> None:
    lake = tenant_lake(RuntimeSettings(atalaya_lake=f"file://{tmp_path}/lake"), TENANT)
    lake.put_bytes(b"x", "a/object")
    (tmp_path / f"lake/tenant={TENANT}/a/.unfinished-by-a-killed-worker").write_bytes(b"part")
    assert lake.delete_below("") == 2
    assert list((tmp_path / "lake").iterdir()) == []


def test_nothing_is_left_of_a_tenant_in_a_bucket_that_keeps_old_versions() -> None:
    bucket, client = s3.new_bucket(), s3.client()
    settings = RuntimeSettings(
        atalaya_lake=f"s3://{bucket}",
        aws_endpoint_url=s3.endpoint(),
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    lake = tenant_lake(settings, TENANT)
    for data in (b"one", b"two"):
        lake.put_bytes(data, "object")
    lake.put_bytes(b"x", "deleted")
    lake.delete("deleted")
    client.create_multipart_upload(Bucket=bucket, Key=f"tenant={TENANT}/half")
    # Positive control: what readers see is not all there is.
    assert len(lake.list("")) == 1
    assert lake.delete_below("") == 3
    versions = client.list_object_versions(Bucket=bucket)
    assert not versions.get("Versions") and not versions.get("DeleteMarkers")
    assert not client.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_the_etag_changes_with_the_content_only_by_a_put(lake: Lake) -> None:
    first = lake.put_bytes(b"one", "object")
    assert lake.list("")[0].etag == first.etag
    second = lake.put_bytes(b"two", "object")
    assert second.etag != first.etag
    assert lake.read_bytes("object") == b"two"


def test_another_tenants_objects_are_not_to_be_seen(lake: Lake, settings: RuntimeSettings) -> None:
    lake.put_bytes(b"mine", "object")
    other = tenant_lake(settings, uuid4())
    assert other.list("") == []
    assert other.head("object") is None


@pytest.mark.parametrize(
    "path",
    ["", "/", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a\\..\\b", "a/\x00", "x/..", "x" * 300],
)
def test_a_path_that_leads_elsewhere_is_refused(lake: Lake, path: str, tmp_path: Path) -> None:
    for call in (
        lambda: lake.head(path),
        lambda: lake.read_bytes(path),
        lambda: lake.put_bytes(b"", path),
        lambda: lake.fetch(path, tmp_path / "copy"),
        lambda: lake.delete(path),
        lambda: lake.delta_url(path),
    ):
        with pytest.raises(InvalidArgument, match="BAD_LAKE_PATH"):
            call()
    if path.strip("/"):
        for call_below in (lambda: lake.list(path), lambda: lake.delete_below(path)):
            with pytest.raises(InvalidArgument, match="BAD_LAKE_PATH"):
                call_below()


def test_readers_see_the_old_object_or_the_new_one(lake: Lake) -> None:
    versions = [bytes([number]) * 200_000 for number in range(5)]
    lake.put_bytes(versions[0], "object")
    seen: list[bytes] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(lake.read_bytes("object"))

    reader = threading.Thread(target=read)
    reader.start()
    for version in versions:
        lake.put_bytes(version, "object")
    stop.set()
    reader.join()
    assert {len(set(data)) for data in seen} == {1}
    assert {len(data) for data in seen} == {200_000}


def test_a_delta_table_is_written_and_read(lake: Lake) -> None:
    table = pa.table({"cuenta": ["a", "b"], "likes": [1, 2]})
    url, options = lake.delta_url("social/posts"), lake.storage_options
    deltalake.write_deltalake(url, table, partition_by=["cuenta"], storage_options=options)
    deltalake.write_deltalake(url, table, mode="append", storage_options=options)
    read = deltalake.DeltaTable(url, storage_options=options)
    assert (read.version(), read.to_pyarrow_table().num_rows) == (1, 4)


def test_a_lake_that_is_away_is_unavailable_and_tells_no_secret(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    lost = RuntimeSettings(
        atalaya_lake="s3://bucket",
        aws_endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="key",
        aws_secret_access_key="hunter2",
    )
    for settings in (lost, RuntimeSettings(atalaya_lake=f"file://{tmp_path}/file")):
        with pytest.raises(Unavailable, match="LAKE_UNAVAILABLE") as caught:
            tenant_lake(settings, TENANT).put_bytes(b"", "object")
        assert "hunter2" not in str(caught.value)


async def test_check_of_the_lake_says_what_the_lake_does(tmp_path: Path) -> None:
    await lake_alive(RuntimeSettings(atalaya_lake=f"file://{tmp_path}/lake"))()
    lost = RuntimeSettings(
        atalaya_lake="s3://bucket",
        aws_endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="key",
        aws_secret_access_key="hunter2",
    )
    with pytest.raises(Unavailable, match="LAKE_UNAVAILABLE"):
        await lake_alive(lost)()


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("AccessDenied", 403, "refuses access (AccessDenied)"),
        ("InvalidAccessKeyId", 403, "refuses access (InvalidAccessKeyId)"),
        ("SlowDown", 503, "asks to be asked less often (SlowDown)"),
        ("NoSuchBucket", 404, "no bucket"),
        ("InternalError", 500, "fails (InternalError)"),
        ("PermanentRedirect", 301, "is elsewhere (PermanentRedirect)"),
        ("see http://10.0.0.1/?key=the-secret", 500, "fails (500)"),
    ],
)
def test_the_reason_of_a_refusal_is_said_and_nothing_of_keys_and_hosts(code: str, status: int, says: str) -> None:
    answer = {
        "Error": {"Code": code, "Message": "AKIA-the-key is not welcome at 10.0.0.1"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    with pytest.raises(Unavailable) as caught, failures("mysql/users/users.csv"):
        raise ClientError(answer, "ListObjectsV2")  # type: ignore[arg-type]
    assert caught.value.reason == "LAKE_UNAVAILABLE"
    assert says in caught.value.message
    assert not re.search(r"the-|10\.0", f"{caught.value} {caught.value.metadata}")


def test_a_lake_that_nobody_answers_for_says_so_at_once(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = RuntimeSettings(
            atalaya_lake="s3://bucket/lake",
            aws_endpoint_url=f"http://127.0.0.1:{nobody.getsockname()[1]}",
            aws_access_key_id="the-key",
            aws_secret_access_key="the-secret",
        )
        with pytest.raises(Unavailable, match="cannot be reached") as caught:
            tenant_lake(away, TENANT).fetch("a/b", tmp_path / "copy")
    assert caught.value.metadata == {"cause": "Unreachable"}


class Elsewhere(BaseHTTPRequestHandler):
    """Sends everybody elsewhere, as a proxy does that wants https, and names no region."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.command)
        self.send_response(301)
        self.send_header("location", "https://elsewhere.example/")
        self.send_header("content-length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def elsewhere() -> Iterator[ThreadingHTTPServer]:
    Elsewhere.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


def test_a_lake_that_is_said_to_be_elsewhere_is_not_asked_where_for_ever(elsewhere: ThreadingHTTPServer) -> None:
    moved = RuntimeSettings(
        atalaya_lake="s3://bucket/lake",
        aws_endpoint_url=f"http://127.0.0.1:{elsewhere.server_port}",
        aws_access_key_id="the-key",
        aws_secret_access_key="the-secret",
    )
    with pytest.raises(Unavailable, match=r"The lake is elsewhere \(301\): AWS_ENDPOINT_URL or AWS_DEFAULT_REGION"):
        tenant_lake(moved, TENANT).list("mysql")
    assert Elsewhere.asked == ["GET", "HEAD"]
