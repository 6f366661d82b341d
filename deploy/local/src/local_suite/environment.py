"""The settings of each service in the local suite, as its environment; nothing else tells a service anything."""

import os
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from local_suite.credentials import password, service_key, service_public_keys, signing_keys, source_key
from local_suite.home import Home

SERVICES = ("auth", "ingest", "ml", "insights", "analytics")
WORKERS = ("auth", "ingest", "ml", "analytics")
# Of sources on this machine: the databases' own, those that `atalaya-ingest sources` starts, and what sets them.
SOURCE_PORTS = ("3306", "5432", "9042", "13306", "15432", "19042")
SOURCE_PORT_SETTINGS = ("SOURCE_MYSQL_PORT", "SOURCE_POSTGRESQL_PORT", "SOURCE_CASSANDRA_PORT")
# Every process that the runner starts carries this with its home's path, so that a later run knows what an earlier
# one left.
MARK = "ATALAYA_SUITE"


def inherited(home: Home, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every process of the suite gets: the caller's environment with the suite's own address in it."""
    own = {"ATALAYA_HOME": str(home.path), "ATALAYA_PORT": str(home.port)}
    # glibc keeps an arena of memory per thread otherwise, which a dozen idle processes feel.
    return {"MALLOC_ARENA_MAX": "2", **environment, **own, "PYTHONUNBUFFERED": "1"}


def marked(home: Home, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that the runner starts and a later run may end."""
    return {**environment, MARK: str(home.path)}


def service_environment(home: Home, service: str, *, process: str = "", metrics_port: int = 0) -> dict[str, str]:
    """A service's settings; a long-lived process also names itself and where its metrics are."""
    settings = inherited(home) | {
        "ENVIRONMENT": "development",
        "LISTEN_ADDRESS": f"unix:{home.socket(service)}",
        "METRICS_ADDRESS": f"127.0.0.1:{metrics_port}" if metrics_port else "",
        "DATABASE_URL": database_url(home, service, "app"),
        "MIGRATION_DATABASE_URL": database_url(home, service, "owner"),
        "REDIS_URL": f"unix://{home.sockets / 'redis.sock'}",
        "SERVICE_PRIVATE_KEY_FILE": str(service_key(home, service)),
        "TRACES_FILE": str(home.traces / f"{process}.jsonl") if process else "",
    }
    bucket = settings.get("S3_BUCKET")
    settings.setdefault("ATALAYA_LAKE", f"s3://{bucket}" if bucket else f"file://{home.lake}")
    settings |= {f"{name.upper()}_ADDRESS": f"unix:{home.socket(name)}" for name in SERVICES}
    if service == "analytics":
        settings.setdefault("ANALYTICS_CACHE_FOLDER", str(home.path / "cache" / "analytics"))
    if service == "ingest":
        settings.setdefault("SOURCES_ENCRYPTION_KEYS", source_key(home))
        ports = [
            *SOURCE_PORTS,
            *(settings[name] for name in SOURCE_PORT_SETTINGS if settings.get(name, "").isdecimal()),
        ]
        settings.setdefault("SOURCES_ALLOWED", ",".join(f"127.0.0.1:{port}" for port in ports))
    if service == "auth":
        settings["JWT_PRIVATE_KEYS_FILE"] = str(signing_keys(home))
        settings["SERVICE_PUBLIC_KEYS_FOLDER"] = str(service_public_keys(home, SERVICES))
        settings.setdefault("MAIL_FILE", str(home.mails))
        settings.setdefault("PUBLIC_URL", home.url)
        settings.setdefault("JWT_EXPIRATION_MINUTES", "60")
        settings.setdefault("REFRESH_TOKEN_EXPIRATION_DAYS", "30")
    return settings


def database_url(home: Home, service: str, role: str) -> str:
    """The address of a service's database for one of its roles, owner or app."""
    word = quote(password(home, f"{service}_{role}"), safe="")
    query = urlencode({"host": str(home.postgres_sockets)})
    return f"postgresql://{service}_{role}:{word}@/atalaya_{service}?{query}"
