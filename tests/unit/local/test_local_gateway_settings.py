"""What a person sets for the edge reaches Envoy's configuration, and what is no number is named."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_suite.environment import service_environment
from local_suite.errors import BadSetting
from local_suite.gateway import configure
from local_suite.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home", 8000)
    home.run.mkdir(parents=True)
    yield home


def rendered(home: Home) -> dict[str, Any]:
    return dict(json.loads(configure(home).read_text()))


def test_proxies_memory_connections_and_bodies_can_be_set(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"TRUSTED_PROXY_HOPS": "2", "MAX_HEAP_BYTES": "300000000", "MAX_CONNECTIONS": "77"}
    for name, value in {**settings, "MAX_CONTENT_LENGTH": "99"}.items():
        monkeypatch.setenv(name, value)

    config = rendered(home)

    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    monitors = [each["typed_config"] for each in config["overload_manager"]["resource_monitors"]]
    [size] = [each["typed_config"] for each in manager["http_filters"] if each["name"].endswith("body_size_limit")]
    assert manager["xff_num_trusted_hops"] == 2
    assert monitors[0]["max_heap_size_bytes"] == 300_000_000
    assert monitors[1]["max_active_downstream_connections"] == 77
    assert size["max_request_bytes"] == 99


@pytest.mark.parametrize("name", ["TRUSTED_PROXY_HOPS", "MAX_HEAP_BYTES", "MAX_CONNECTIONS", "MAX_CONTENT_LENGTH"])
def test_what_is_no_number_is_named(home: Home, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "many")

    with pytest.raises(BadSetting, match=name):
        configure(home)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_CONNECTIONS", "0"),
        ("MAX_HEAP_BYTES", "0"),
        ("MAX_CONTENT_LENGTH", "99999999999"),
        ("TRUSTED_PROXY_HOPS", "11"),
        ("CORS_ORIGINS", "https://app.example.com/"),
        ("CORS_ORIGINS", "app.example.com"),
    ],
)
def test_what_the_edge_cannot_be_told_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(BadSetting, match=name):
        configure(home)


def test_services_inherit_what_is_set_for_them(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.secrets.mkdir(parents=True)
    settings = {
        "RATE_LIMIT_PER_MINUTE": "7",
        "RATE_LIMIT_PER_HOUR": "8",
        "RATE_LIMIT_PER_DAY": "9",
        "JOBS_PER_TENANT": "3",
        "TRUSTED_PROXY_HOPS": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    environment = service_environment(home, "ingest")

    assert {name: environment[name] for name in settings} == settings
