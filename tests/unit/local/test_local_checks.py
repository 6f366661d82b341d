"""What keeps the suite from starting is said in one sentence, with an exit code of its own."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from local_suite import demo_load, lock
from local_suite.checks import check_disk, check_environment, check_machine, check_port, free_ports
from local_suite.errors import AlreadyRunning, BadSetting, DiskFull, NewerData, PortTaken, UnsupportedMachine
from local_suite.home import Home
from local_suite.runner import up
from local_suite.screen import Screen
from local_suite.service_settings import check_settings


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home", 8000)
    home.prepare()
    return home


def test_taken_port_is_refused_and_names_who_listens() -> None:
    named = rf"is taken by .*process {os.getpid()}.*ATALAYA_PORT"
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(PortTaken, match=named):
        check_port(server.getsockname()[1])


def test_free_port_is_accepted() -> None:
    check_port(free_ports(1)[0])


def test_free_ports_differ() -> None:
    assert len(set(free_ports(10))) == 10


def test_full_disk_is_refused_with_the_room_that_is_missing(home: Home) -> None:
    with pytest.raises(DiskFull, match=r"The disk is full: \d+ MB are free for .*ATALAYA_HOME"):
        check_disk(home, needed_megabytes=10**9)


def test_unsupported_python_is_named() -> None:
    with pytest.raises(UnsupportedMachine, match=r"runs on Python 3\.11, 3\.12, 3\.13, not 3\.10"):
        check_machine(python=(3, 10))


def test_unsupported_platform_is_named() -> None:
    with pytest.raises(UnsupportedMachine, match="not on Windows AMD64"):
        check_machine(system="Windows", machine="AMD64")


def test_production_is_refused() -> None:
    with pytest.raises(BadSetting, match="ENVIRONMENT=production"):
        check_environment({"ENVIRONMENT": "production"})


def test_a_first_start_that_was_refused_leaves_the_demo_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEMO", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        home = Home(tmp_path / "new", server.getsockname()[1])
        with pytest.raises(PortTaken):
            up(home, Screen())

    assert demo_load.wanted(home, new=home.prepare(), setting="1")


def test_a_setting_that_services_would_refuse_is_named_once_before_anything_starts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATE_LIMIT_PER_MINUTE", "many")
    monkeypatch.setenv("ANALYTICS_QUERY_THREADS", "0")

    with pytest.raises(BadSetting) as caught:
        check_settings(home)

    names = [line.split()[0] for line in str(caught.value).splitlines()]
    assert sorted(names) == ["ANALYTICS_QUERY_THREADS", "RATE_LIMIT_PER_MINUTE"]


def test_settings_that_the_suite_sets_itself_are_not_taken_from_the_shell(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://another/project")

    check_settings(home)


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(BadSetting, match="ATALAYA_PORT must be a port"):
        Home.from_environment({"ATALAYA_PORT": port})


@pytest.mark.parametrize("path", ["/proc/home", "/dev/null/home", f"/tmp/{'a' * 300}"])  # noqa: S108
def test_a_home_that_cannot_be_made_is_named(path: str) -> None:
    with pytest.raises(BadSetting, match=rf"^{path}.* cannot be used .*ATALAYA_HOME"):
        Home(Path(path), 8000).prepare()


@pytest.mark.parametrize("version", ["2", "99", "next"])
def test_data_of_a_newer_release_are_refused_and_left_alone(home: Home, version: str) -> None:
    (home.path / "version").write_text(version)
    with pytest.raises(NewerData, match="take the newer release"):
        home.prepare()
    assert (home.path / "version").read_text() == version


def test_second_runner_on_a_home_is_refused_and_names_the_first(home: Home) -> None:
    with lock.hold(home):
        with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}.*make down"), lock.hold(home):
            pass
        assert lock.holder(home) == os.getpid()
    assert lock.holder(home) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "code", "sentence"),
    [
        ({"ATALAYA_PORT": "no"}, 2, "ATALAYA_PORT must be a port"),
        ({"ENVIRONMENT": "production"}, 2, "does not run with ENVIRONMENT=production"),
        ({"ATALAYA_HOME": "/dev/null"}, 2, "/dev/null cannot be used (File exists)"),
    ],
)
def test_command_ends_with_the_code_of_its_error(
    tmp_path: Path, variables: dict[str, str], code: int, sentence: str
) -> None:
    environment = os.environ | {"ATALAYA_HOME": str(tmp_path / "home")} | variables
    done = subprocess.run(
        [sys.executable, "-m", "local_suite", "up"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
