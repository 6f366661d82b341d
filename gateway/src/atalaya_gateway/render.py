"""Fills the template for one run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atalaya_gateway import contract
from atalaya_gateway.addresses import address_of, admin_address_of, discovery_of
from atalaya_gateway.committed import committed_file
from atalaya_gateway.pages import write_pages
from atalaya_gateway.placeholders import fill
from atalaya_gateway.tracing import spans_cluster, tracing
from atalaya_gateway.yaml_text import from_yaml

LOCAL_ORIGINS = r"https?://(localhost|127\.0\.0\.1)(:\d+)?"
ONE_MEBIBYTE = 1024 * 1024


def render(
    *,
    port: int,
    sockets: Mapping[str, str],
    admin_socket: str,
    directory: Path,
    host: str = "127.0.0.1",
    cors_origins: Sequence[str] = (),
    jwt_issuer: str = "atalaya",
    jwt_audience: str = "atalaya",
    jwks_cache_seconds: int = 300,
    max_content_length: int = ONE_MEBIBYTE,
    max_connections: int = 10_000,
    max_heap_bytes: int = 512 * ONE_MEBIBYTE,
    password_hash_places: int = 10,
    trusted_proxy_hops: int = 0,
    reply_timeout_seconds: int = 60,
    otlp: str = "",
) -> Path:
    """Writes Envoy's configuration, the descriptor set and the pages into a folder; gives the configuration's path.

    `sockets` names the address of each service: the path of a Unix socket, or host:port. So do `admin_socket` and
    `otlp`, the collector of spans, which may be missing. `password_hash_places` is how many calls that hash a password
    auth takes at once, over all its replicas.
    """
    directory = directory.resolve()
    pages = directory / "pages"
    write_pages(pages, committed_file("openapi.json"))
    descriptors = directory / "descriptors.binpb"
    descriptors.write_bytes(contract.bare_descriptors())
    values: dict[str, Any] = {
        "ADMIN_ADDRESS": admin_address_of(admin_socket),
        "ATALAYA_PORT": port,
        "CORS_ORIGINS": "|".join(cors_origins or [LOCAL_ORIGINS]),
        "DESCRIPTORS": str(descriptors),
        "HASHING_PLACES": password_hash_places,
        "JWT_AUDIENCE": jwt_audience,
        "JWT_ISSUER": jwt_issuer,
        "JWKS_CACHE": f"{jwks_cache_seconds}s",
        "LISTEN_HOST": host,
        "MAX_CONNECTIONS": max_connections,
        "MAX_CONTENT_LENGTH": max_content_length,
        "MAX_HEAP_BYTES": max_heap_bytes,
        "OWN_HOST": "127.0.0.1" if host in ("0.0.0.0", "::") else host,  # noqa: S104
        "PAGES": str(pages),
        "REPLY_TIMEOUT": f"{reply_timeout_seconds}s",
        "SPANS_CLUSTER": spans_cluster(otlp),
        "TRACING": tracing(otlp),
        "TRUSTED_PROXY_HOPS": trusted_proxy_hops,
    }
    for service in contract.clusters():
        values[f"{service.upper()}_ADDRESS"] = address_of(sockets[service])
        values[f"{service.upper()}_DISCOVERY"] = discovery_of(sockets[service])
    target = directory / "envoy.json"
    target.write_text(json.dumps(fill(from_yaml(committed_file("envoy.yaml")), values), indent=1), encoding="utf-8")
    return target
