"""Kinds of settings: each refuses in a sentence what nothing could be started with."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_HIGHEST_PORT = 65535


def _listening(address: str) -> str:
    if address.startswith("unix:"):
        is_good = len(address) > len("unix:")
    else:
        host, _, port = address.rpartition(":")
        is_good = bool(host) and port.isascii() and port.isdecimal() and int(port) <= _HIGHEST_PORT
    if not is_good:
        raise ValueError("must be host:port or unix:/path")
    return address


def _reachable(address: str) -> str:
    return address if address.startswith("dns:") else _listening(address)


def _page(address: str) -> str:
    if address.startswith("unix:"):
        raise ValueError("must be host:port")
    return address and _listening(address)


def _postgres(url: str) -> str:
    # Imported here: who has no database needs none of it.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        if not url or make_url(url).get_backend_name() in ("postgresql", "postgres"):
            return url
    except (ArgumentError, ValueError):
        pass
    raise ValueError("must be a URL like postgresql://role:password@host/database")


def _redis(url: str) -> str:
    try:
        parts = urlsplit(url)
        if not url or (parts.scheme in ("redis", "rediss", "unix") and parts.port != 0):
            return url
    except ValueError:
        pass  # So says `port` where it is none.
    raise ValueError("must be a URL like redis://host:port/0 or unix:///path")


def _lake(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if scheme not in ("file", "s3") or not rest or (scheme == "s3" and rest.startswith("/")):
        raise ValueError("must be a URL like file:///folder or s3://bucket/prefix")
    return url


def _web(url: str) -> str:
    if url and not (url.startswith(("http://", "https://")) and urlsplit(url).netloc):
        raise ValueError("must be a URL like http://host:port")
    return url


def _private_key(path: str) -> str:
    # Imported here: what reads keys is heavy.
    from service_runtime.service_tokens import read_private_key

    if path:
        read_private_key(path)
    return path


ListenAddress = Annotated[str, AfterValidator(_listening)]
ServiceAddress = Annotated[str, AfterValidator(_reachable)]
PageAddress = Annotated[str, AfterValidator(_page)]
PostgresUrl = Annotated[str, AfterValidator(_postgres)]
RedisUrl = Annotated[str, AfterValidator(_redis)]
LakeUrl = Annotated[str, AfterValidator(_lake)]
WebUrl = Annotated[str, AfterValidator(_web)]
PrivateKeyFile = Annotated[str, AfterValidator(_private_key)]
