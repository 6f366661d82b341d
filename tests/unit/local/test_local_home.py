"""A home keeps its secrets to its owner, and its sockets where their paths are short enough."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from local_suite import demo_load
from local_suite.credentials import password, service_key, service_public_keys, signing_keys
from local_suite.environment import SERVICES, service_environment
from local_suite.errors import SuiteError
from local_suite.home import Home, private_folder
from local_suite.logs import rotate

SOCKET_PATH_LIMIT = 107


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home", 8000)
    home.prepare()
    return home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_home_says_so_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", 8000)
    assert home.prepare()
    assert not home.prepare()


def test_passwords_are_random_lasting_and_private(home: Home) -> None:
    first = password(home, "auth_app")
    assert password(home, "auth_app") == first
    assert password(home, "auth_owner") != first
    assert len(first) >= 32
    assert {mode(file) for file in home.secrets.iterdir()} == {0o600}
    assert mode(home.secrets) == 0o700


def test_mails_go_to_a_file_of_the_homes_and_lead_back_to_it(home: Home) -> None:
    environment = service_environment(home, "auth")
    assert (environment["MAIL_FILE"], environment["PUBLIC_URL"]) == (str(home.path / "mail" / "outbox.mbox"), home.url)


def test_signing_key_is_made_once_and_private(home: Home) -> None:
    pem = signing_keys(home).read_text()
    assert pem.startswith("-----BEGIN PRIVATE KEY-----")
    assert signing_keys(home).read_text() == pem
    assert mode(signing_keys(home)) == 0o600


def test_socket_paths_are_short_however_deep_the_home_lies(tmp_path: Path) -> None:
    deep = Home(tmp_path.joinpath(*["a-long-folder-name"] * 10), 8000)
    sockets = [deep.socket("analytics"), deep.postgres_sockets / ".s.PGSQL.5432"]
    assert all(len(str(socket)) <= SOCKET_PATH_LIMIT for socket in sockets)


def test_two_homes_share_no_sockets(tmp_path: Path) -> None:
    assert Home(tmp_path / "one", 8000).sockets != Home(tmp_path / "two", 8000).sockets


def test_folder_for_sockets_is_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o777)
    private_folder(folder)
    assert mode(folder) == 0o700


def test_link_in_place_of_the_socket_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sockets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises((SuiteError, FileExistsError)):
        private_folder(tmp_path / "sockets")


def test_each_service_gets_its_own_role_and_every_address(home: Home) -> None:
    environment = service_environment(home, "ingest", process="ingest", metrics_port=9)
    assert "ingest_app:" in environment["DATABASE_URL"]
    assert "ingest_owner:" in environment["MIGRATION_DATABASE_URL"]
    assert environment["METRICS_ADDRESS"] == "127.0.0.1:9"
    assert environment["TRACES_FILE"] == str(home.traces / "ingest.jsonl")
    assert environment["LISTEN_ADDRESS"] == environment["INGEST_ADDRESS"]
    assert all(environment[f"{service.upper()}_ADDRESS"].startswith("unix:/") for service in SERVICES)
    assert "JWT_PRIVATE_KEYS_FILE" not in environment


def test_sources_may_be_where_their_databases_are_told_to_be(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_MYSQL_PORT", "13399")

    allowed = service_environment(home, "ingest")["SOURCES_ALLOWED"].split(",")

    assert {"127.0.0.1:13399", "127.0.0.1:13306", "127.0.0.1:15432"} <= set(allowed)


def test_each_service_has_a_key_of_its_own_and_only_auth_knows_the_public_halves(home: Home) -> None:
    environments = {service: service_environment(home, service) for service in SERVICES}
    keys = {service: Path(environment["SERVICE_PRIVATE_KEY_FILE"]) for service, environment in environments.items()}
    assert len({key.read_bytes() for key in keys.values()}) == len(SERVICES)
    assert {mode(key) for key in keys.values()} == {0o600}
    folder = Path(environments["auth"]["SERVICE_PUBLIC_KEYS_FOLDER"])
    assert [name for name in SERVICES if "SERVICE_PUBLIC_KEYS_FOLDER" in environments[name]] == ["auth"]
    for service, key in keys.items():
        public = load_pem_private_key(key.read_bytes(), password=None).public_key()
        assert load_pem_public_key((folder / f"{service}.pem").read_bytes()) == public
    assert service_public_keys(home, SERVICES) == folder
    assert service_key(home, "ml") == keys["ml"]


def test_large_log_is_put_aside_and_the_oldest_dropped(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    for number in range(5):
        log.write_text(f"run {number}")
        rotate(log, limit=1, kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["auth.log.1", "auth.log.2"]
    assert (tmp_path / "auth.log.1").read_text() == "run 4"


def test_small_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text("short")
    rotate(log)
    assert log.read_text() == "short"


def test_demo_goes_into_a_new_home_only(home: Home) -> None:
    assert demo_load.wanted(home, new=True, setting="1")
    assert not demo_load.wanted(Home(home.path.with_name("other"), 8000), new=False, setting="1")


def test_demo_is_not_loaded_against_the_will(home: Home) -> None:
    assert not demo_load.wanted(home, new=True, setting="0")
    assert not demo_load.wanted(home, new=False, setting="1")


def test_demo_that_was_cut_short_is_loaded_at_the_next_start(home: Home) -> None:
    assert demo_load.wanted(home, new=True, setting="1")
    assert demo_load.wanted(home, new=False, setting="1")
