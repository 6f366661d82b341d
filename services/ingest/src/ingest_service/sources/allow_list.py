"""Where sources may be: only what the operator's list names, judged by the IP address that is then connected to."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service_runtime.errors import InvalidArgument

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
# Gives the IP addresses of a name; empty where it has none.
Resolve = Callable[[str], Sequence[str]]

_ENTRY = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:./]+)\]|(?P<host>[^\s\[\]:,]+)):(?P<port>[0-9]{1,5}|\*)")
# Where clouds hand out credentials: a name never leads there, whatever its DNS says.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)


@dataclass(frozen=True)
class _Entry:
    network: _Network | None
    name: str
    port: int | None


class AllowList:
    """The operator's entries: `10.1.0.0/16:3306`, `[fd00::/8]:5432`, `db.example.com:*`. Without entries nothing."""

    def __init__(self, text: str, resolve: Resolve | None = None) -> None:
        """Raises ValueError where an entry cannot be read."""
        self._entries = [_entry(word) for word in re.split(r"[\s,]+", text.strip()) if word]
        self._resolve = resolve or _resolved

    async def check(self, host: str, port: int) -> str:
        """Gives the IP address to connect to; raises SOURCE_ADDRESS_FORBIDDEN, and tells nobody why.

        A name is resolved here and never again: whoever connects uses the address that was judged. One forbidden
        address among several forbids the name.
        """
        try:
            ips: list[_Ip] = [ipaddress.ip_address(host)]
            name = ""
        except ValueError:
            ips = [ipaddress.ip_address(found) for found in await asyncio.to_thread(self._resolve, host)]
            name = host
        ips = [getattr(ip, "ipv4_mapped", None) or ip for ip in ips]
        if not ips or not all(self._allows(ip, name, port) for ip in ips):
            raise InvalidArgument(
                "SOURCE_ADDRESS_FORBIDDEN", "The source's address is not among those that the operator allows."
            )
        return str(ips[0])

    def _allows(self, ip: _Ip, name: str, port: int) -> bool:
        for entry in self._entries:
            if entry.port not in (None, port):
                continue
            if entry.network is not None and ip.version == entry.network.version and ip in entry.network:
                return True
            # A name may lead to a private address, but not to this machine or to what is next to it.
            if name and entry.name == name and not _is_never_a_database(ip):
                return True
        return False


def _is_never_a_database(ip: _Ip) -> bool:
    never = ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast
    return never or (ip.version == 4 and ip.is_reserved) or ip in _METADATA


def _entry(word: str) -> _Entry:
    found = _ENTRY.fullmatch(word)
    if found is None:
        raise ValueError(f"{word[:80]!r} is no host:port or network:port")
    port = None if found["port"] == "*" else int(found["port"])
    place = found["six"] or found["host"]
    try:
        return _Entry(ipaddress.ip_network(place), "", port)
    except ValueError:
        if found["six"] or re.fullmatch(r"[0-9./]+", place):
            raise ValueError(f"{word[:80]!r} is no network") from None
    return _Entry(None, place.lower(), port)


def _resolved(name: str) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    # An address with a zone (fe80::1%eth0) is one of this machine's neighbours.
    return list(dict.fromkeys(str(item[4][0]).partition("%")[0] for item in found))
