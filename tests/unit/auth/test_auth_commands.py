"""The command line, as an operator meets it."""

import io
import json
import os
import subprocess
import sys

import pytest
from auth_service.__main__ import main
from auth_service.config import Settings

PERSON = {"username": "cmd", "email": "cmd@example.com", "password": "s3cret-of-mine"}

MAIL = {
    "SMTP_HOST": "smtp.example.com",
    "FROM_EMAIL": "no-reply@example.com",
    "PUBLIC_URL": "https://atalaya.example.com",
}


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "DATABASE_URL": settings.database_url,
        "MIGRATION_DATABASE_URL": settings.migration_database_url,
        "JWT_PRIVATE_KEYS_FILE": settings.jwt_private_keys_file,
    }


class Terminal:
    """Runs the command in this process and keeps what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def fail(self, command: str, environment: dict[str, str], stdin: object = None) -> str:
        """Runs a command that must end with code 2 and nothing on stdout; gives what it says on stderr."""
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setattr(sys, "argv", ["auth_service", command])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(stdin).encode())))
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        assert (ended.value.code, said.out) == (2, "")
        return said.err


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def test_provision_reads_and_prints_json(settings: Settings) -> None:
    command = [sys.executable, "-m", "auth_service", "provision"]
    wanted = json.dumps({"tenants": [{"name": "By Command", "users": [PERSON]}]})
    environment = {"PATH": os.environ["PATH"], **environment_of(settings)}
    printed = subprocess.run(command, input=wanted, env=environment, capture_output=True, text=True, check=True).stdout
    (tenant,) = json.loads(printed)["tenants"]
    assert (tenant["name"], tenant["users"][0]["username"]) == ("By Command", "cmd")
    assert tenant["loader_token"].count(".") == 2


def test_missing_keys_are_named_by_their_setting(terminal: Terminal) -> None:
    assert terminal.fail("check-config", {"JWT_PRIVATE_KEYS_FILE": ""}).startswith("JWT_PRIVATE_KEYS_FILE must name")


def test_every_bad_setting_is_named_at_once(terminal: Terminal) -> None:
    said = terminal.fail("check-config", {"JWT_EXPIRATION_MINUTES": "0", "DEFAULT_TIMEZONE": "Mars/Olympus"})
    assert {"JWT_EXPIRATION_MINUTES", "DEFAULT_TIMEZONE"} <= set(said.split())


def test_good_settings_are_said_to_be_good(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["auth_service", "check-config"])
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    main()
    assert capsys.readouterr().out == "The settings are valid.\n"


def test_provision_is_refused_in_production(terminal: Terminal, settings: Settings) -> None:
    keys = {"SERVICE_PRIVATE_KEY_FILE": settings.jwt_private_keys_file}
    environment = {**environment_of(settings), **MAIL, **keys, "ENVIRONMENT": "production"}
    assert "provision" in terminal.fail("provision", environment, {"tenants": []})


def test_production_needs_a_mail_server_an_address_for_links_and_a_key_of_its_own(
    terminal: Terminal, settings: Settings
) -> None:
    said = terminal.fail("check-config", {**environment_of(settings), "ENVIRONMENT": "production"})
    assert said.splitlines() == [
        f"{name} must be set in production." for name in sorted([*MAIL, "SERVICE_PRIVATE_KEY_FILE"])
    ]


def test_bad_input_is_explained_without_its_secrets(terminal: Terminal, settings: Settings) -> None:
    wanted = {"tenants": [{"name": "Bad", "timezone": "Mars", "users": [{**PERSON, "role": "king"}]}]}
    said = terminal.fail("provision", environment_of(settings), wanted)
    assert "tenants.0.timezone" in said
    assert "tenants.0.users.0.role" in said
    assert "s3cret-of-mine" not in said
