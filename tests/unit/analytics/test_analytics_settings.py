"""What analytics cannot be started with is named by its setting."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from analytics_service.config import Settings
from analytics_service.server import build_server
from service_runtime.config import load_settings


async def test_a_cache_folder_that_cannot_be_made_is_named() -> None:
    settings = Settings(database_url="postgresql://app@/analytics", analytics_cache_folder=Path("/proc/cache"))
    with pytest.raises(SystemExit, match="ANALYTICS_CACHE_FOLDER cannot be used: /proc/cache"):
        await build_server(settings, lambda: datetime.now(UTC))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANALYTICS_QUERY_MEMORY", "lots"),
        ("ANALYTICS_QUERY_MEMORY", "400"),
        ("ANALYTICS_QUERY_THREADS", "0"),
        ("ANALYTICS_QUERY_CONCURRENCY", "0"),
        ("ANALYTICS_QUERY_TIMEOUT_SECONDS", "-1"),
        ("ANALYTICS_CACHE_BYTES", "-1"),
        ("ANALYTICS_HEALTH_TIMEOUT_SECONDS", "0"),
    ],
)
def test_what_no_query_could_run_with_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load_settings(Settings)
    assert capsys.readouterr().err.startswith(f"{name} is not valid: ")
