"""Addresses as people write them, as Envoy wants them."""

from atalaya_gateway.typed import JsonObject


def address_of(text: str) -> JsonObject:
    """Gives the address of a Unix socket's path (`unix:` before it or not), or of host:port."""
    path = _socket_path(text)
    if path:
        return {"pipe": {"path": path}}
    host, _, port = text.removeprefix("dns:///").rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{text!r} is neither the path of a Unix socket nor host:port")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def admin_address_of(text: str) -> JsonObject:
    """Gives the admin page's address, which can stop Envoy and so is for this machine alone."""
    address = address_of(text)
    host = address.get("socket_address", {}).get("address", "127.0.0.1")
    if host not in ("127.0.0.1", "::1"):
        raise ValueError(f"{text!r} would show Envoy's admin page to others: use a Unix socket or 127.0.0.1")
    return address


def discovery_of(text: str) -> str:
    """Gives the way to find the endpoints: a name may stand for many and change, a path stands for one."""
    return "STATIC" if _socket_path(text) else "STRICT_DNS"


def _socket_path(text: str) -> str:
    path = text.removeprefix("unix://").removeprefix("unix:")
    return path if path.startswith("/") else ""
