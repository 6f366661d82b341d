"""The command line, as an operator meets it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from auth_service.config import Settings

INPUT = {"tenants": [{"name": "By Command", "users": [{"username": "cmd", "email": "cmd@example.com"}]}]}


def run(command: str, settings: Settings | None, stdin: object = None, **environment: str) -> Any:
    given = {"PATH": os.environ["PATH"], **environment}
    if settings is not None:
        given |= {
            "DATABASE_URL": settings.database_url,
            "MIGRATION_DATABASE_URL": settings.migration_database_url,
            "JWT_PRIVATE_KEYS_FILE": settings.jwt_private_keys_file,
        }
    return subprocess.run(
        [sys.executable, "-m", "auth_service", command],
        input=json.dumps(stdin),
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_good_settings_are_said_to_be_good(settings: Settings) -> None:
    assert run("check-config", settings).returncode == 0


def test_missing_keys_are_named_by_their_setting() -> None:
    ended = run("check-config", None)
    assert ended.returncode == 2
    assert "JWT_PRIVATE_KEYS_FILE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_every_bad_setting_is_named_at_once() -> None:
    ended = run("check-config", None, JWT_EXPIRATION_MINUTES="0", DEFAULT_TIMEZONE="Mars/Olympus")
    assert ended.returncode == 2
    assert {"JWT_EXPIRATION_MINUTES", "DEFAULT_TIMEZONE"} <= set(ended.stderr.split())


def test_provision_reads_and_prints_json_and_may_be_repeated(settings: Settings) -> None:
    first, second = (json.loads(run("provision", settings, INPUT).stdout) for _ in range(2))
    assert first["tenants"][0]["users"] == second["tenants"][0]["users"]
    assert first["tenants"][0]["loader_token"].count(".") == 2


@pytest.mark.parametrize("environment", [{"ENVIRONMENT": "production", "ATALAYA_LAKE": "s3://bucket"}])
def test_provision_is_refused_in_production(settings: Settings, environment: dict[str, str]) -> None:
    ended = run("provision", settings, INPUT, **environment)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "production" in ended.stderr


def test_bad_input_is_explained_without_its_secrets(settings: Settings) -> None:
    person = {"username": "x", "email": "x@example.com", "password": "s3cret-of-mine", "role": "king"}
    ended = run("provision", settings, {"tenants": [{"name": "Bad", "users": [person]}]})
    assert ended.returncode == 2
    assert "tenants.0.users.0.role" in ended.stderr
    assert "s3cret-of-mine" not in ended.stderr
