"""Settings come from the environment or from named files; what is wrong is said in one go."""

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field
from service_runtime.config import RuntimeSettings, load_settings


class Settings(RuntimeSettings):
    """A service's own."""

    required_in_production: ClassVar[frozenset[str]] = RuntimeSettings.required_in_production | {"api_secret"}

    # A secret.
    api_secret: str = "made-up"
    # How many.
    page_rows: int = Field(default=50, ge=1)
    # A path that the service itself wants.
    private_keys_file: str = ""


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "ATALAYA_LAKE", "ENVIRONMENT", "LISTEN_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_work_without_any_setting() -> None:
    settings = load_settings(Settings)
    assert (settings.environment, settings.page_rows, settings.max_message_bytes) == ("development", 50, 4 * 1024**2)


def test_a_value_comes_from_the_environment_or_from_a_named_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from file\n")
    monkeypatch.setenv("API_SECRET_FILE", str(secret))
    monkeypatch.setenv("PAGE_ROWS", "7")
    settings = load_settings(Settings)
    assert (settings.api_secret, settings.page_rows) == ("from file", 7)


def test_a_field_that_is_itself_called_file_keeps_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_KEYS_FILE", "/keys.pem")
    assert load_settings(Settings).private_keys_file == "/keys.pem"


def test_every_bad_value_is_named_and_the_process_ends_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGE_ROWS", "0")
    monkeypatch.setenv("ENVIRONMENT", "moon")
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings)
    lines = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2
    assert sorted(line.split()[0] for line in lines) == ["ENVIRONMENT", "PAGE_ROWS"]


def test_a_secret_is_not_shown_when_another_value_is_bad(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_SECRET", "hunter2")
    monkeypatch.setenv("PAGE_ROWS", "many")
    with pytest.raises(SystemExit):
        load_settings(Settings)
    assert "hunter2" not in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_SECRET_FILE", "/nowhere/secret")
    with pytest.raises(SystemExit):
        load_settings(Settings)
    assert "API_SECRET_FILE names /nowhere/secret" in capsys.readouterr().err


def test_a_file_that_holds_no_text_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("API_SECRET_FILE", str(tmp_path / "secret"))
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings)
    assert caught.value.code == 2
    assert "API_SECRET_FILE names" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN_ADDRESS", "somewhere"),
        ("LISTEN_ADDRESS", "127.0.0.1:70000"),
        ("LISTEN_ADDRESS", "unix:"),
        ("METRICS_ADDRESS", "9090"),
        ("METRICS_ADDRESS", "unix:/metrics.sock"),
        ("DATABASE_URL", "host/database"),
        ("DATABASE_URL", "mysql://role@host/database"),
        ("DATABASE_URL", "postgresql://host:port/database"),
        ("REDIS_URL", "http://host"),
        ("REDIS_URL", "redis://host:redis/0"),
        ("ATALAYA_LAKE", "https://host/lake"),
        ("ATALAYA_LAKE", "lake"),
        ("ATALAYA_LAKE", "file://"),
        ("ATALAYA_LAKE", "s3://"),
        ("ATALAYA_LAKE", "s3:///prefix"),
        ("AWS_ENDPOINT_URL", "host:9000"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("INGEST_ADDRESS", ""),
        ("ML_ADDRESS", "ml"),
        ("SERVICE_PRIVATE_KEY_FILE", "/nowhere/key.pem"),
        ("DEFAULT_DEADLINE_SECONDS", "0"),
        ("STREAM_DEADLINE_SECONDS", "inf"),
        ("DRAIN_SECONDS", "nan"),
        ("MAX_MESSAGE_BYTES", "-1"),
        ("RATE_LIMIT_PER_MINUTE", "99999999999999999999"),
    ],
)
def test_what_nothing_could_be_started_with_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith(f"{name} is not valid: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN_ADDRESS", "0.0.0.0:50051"),
        ("LISTEN_ADDRESS", "[::]:50051"),
        ("LISTEN_ADDRESS", "unix:/run/service.sock"),
        ("METRICS_ADDRESS", ""),
        ("AUTH_ADDRESS", "dns:///auth.atalaya.svc:50051"),
        ("DATABASE_URL", "postgresql://role:p%40ss@/database?host=/socket/folder"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("REDIS_URL", "rediss://:secret@host:6380/0"),
        ("ATALAYA_LAKE", "file://.atalaya/lake"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
    ],
)
def test_what_can_be_started_with_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(Settings), name.lower()) == value


def test_production_makes_nothing_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@/db")
    with pytest.raises(SystemExit):
        load_settings(Settings)
    assert capsys.readouterr().err.splitlines() == [
        "API_SECRET must be set in production.",
        "ATALAYA_LAKE must be set in production.",
    ]


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(Settings).page_rows = 3  # type: ignore[misc]


def test_the_lake_comes_from_the_bucket_where_only_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_BUCKET", "documents")
    assert load_settings(Settings).atalaya_lake == "s3://documents"
    monkeypatch.setenv("ATALAYA_LAKE", "file:///lake")
    assert load_settings(Settings).atalaya_lake == "file:///lake"
