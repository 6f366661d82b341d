"""PostgreSQL and Redis from their wheels: closed to others, tidy, and unimpressed by a violent end."""

import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from local_suite import postgres
from local_suite.errors import NewerData
from local_suite.postgres import EmbeddedPostgres, PostgresError
from local_suite.redis import EmbeddedRedis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    folder = tmp_path_factory.mktemp("postgres")
    with tempfile.TemporaryDirectory(prefix="pg-") as sockets:
        server = EmbeddedPostgres(folder / "data", Path(sockets) / "s")
        server.start()
        server.create_service("auth", ("owner's word", "app/word?"))
        yield server
        server.stop()


def as_app(server: EmbeddedPostgres) -> psycopg.Connection:
    return psycopg.connect(server.dsn("atalaya_auth", "auth_app", "app/word?"), autocommit=True)


def test_app_role_may_keep_temporary_tables_only(server: EmbeddedPostgres) -> None:
    with as_app(server) as connection:
        connection.execute("create temporary table scratch (i int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table kept (i int)")


def test_service_is_made_again_without_harm(server: EmbeddedPostgres) -> None:
    server.create_service("auth", ("owner's word", "app/word?"))
    with as_app(server) as connection:
        assert connection.execute("select current_user").fetchone() == ("auth_app",)


def test_role_of_one_service_cannot_enter_the_database_of_another(server: EmbeddedPostgres) -> None:
    server.create_service("ingest", ("one", "two"))
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(server.dsn("atalaya_ingest", "auth_app", "app/word?"))


def test_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn("atalaya_auth", "auth_app", "guess"))


def test_there_is_no_port_and_no_way_past_the_folder(server: EmbeddedPostgres) -> None:
    with server.connect() as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600


def test_rows_survive_a_killed_server(server: EmbeddedPostgres) -> None:
    with server.connect() as connection:
        connection.execute("create table kept as select 7 as number")
        postmaster = connection.execute("select pg_read_file('postmaster.pid')").fetchone()
    assert postmaster is not None
    os.kill(int(postmaster[0].split()[0]), signal.SIGKILL)
    server.start()
    with server.connect() as connection:
        assert connection.execute("select number from kept").fetchone() == (7,)


def test_pid_file_that_names_another_program_does_not_stop_the_start(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pg-") as sockets:
        server = EmbeddedPostgres(tmp_path / "data", Path(sockets) / "s", fsync=False)
        server.prepare()
        (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
        server.start()
        assert server.ready()
        server.stop()


def test_data_of_another_postgres_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("19\n")
    with pytest.raises(NewerData, match="written by PostgreSQL 19, but this suite runs PostgreSQL 18"):
        EmbeddedPostgres(tmp_path / "data", tmp_path / "s").prepare()


def test_a_data_folder_that_cannot_be_made_is_told_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What PostgreSQL's own says when it is stopped in the middle.
    says = "FATAL:  terminating connection\nSTATEMENT:  ALTER USER postgres WITH PASSWORD E'$(cat $4)';"
    (tmp_path / "initdb").write_text(f'#!/bin/sh\necho "{says}" >&2\nexit 1\n')
    (tmp_path / "initdb").chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(postgres, "binaries", lambda: tmp_path)
    with tempfile.TemporaryDirectory(prefix="pg-") as sockets:
        server = EmbeddedPostgres(tmp_path / "data", Path(sockets) / "s")
        with pytest.raises(PostgresError, match="terminating connection") as caught:
            server.prepare()
        assert server.password not in str(caught.value)


def test_redis_answers_on_its_socket_only() -> None:
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = EmbeddedRedis(Path(folder))
        server.start()
        try:
            assert server.ready()
            assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
            assert server.url == f"unix://{server.socket}"
        finally:
            server.stop()
        assert not server.ready()
