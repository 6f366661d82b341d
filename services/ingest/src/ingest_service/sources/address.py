"""Where a source is and as whom it is read, from one strict form of URL: what could be read in two ways is refused."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from service_runtime.errors import InvalidArgument

PORTS = {"mysql": 3306, "postgresql": 5432, "cassandra": 9042}
_KINDS = {"mariadb": "mysql", "postgres": "postgresql", **{kind: kind for kind in PORTS}}
_URL = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<user>[^\s:@/?#\[\]\\]+)(?::(?P<password>[^\s:@/?#\[\]\\]*))?@"
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^\s:@/?#\[\]\\]+))(?::(?P<port>[0-9]{1,5}))?"
    r"/(?P<database>[^\s/?#\\]+)(?:\?(?P<query>[^\s#\\]*))?"
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_TLS = ("prefer", "off", "require", "verify")


@dataclass(frozen=True)
class Address:
    """Where a source is; `host` is a name in lower case or an IP address in its one plain form."""

    kind: str
    host: str
    port: int
    database: str
    # prefer, off, require, or verify (the server's certificate too).
    tls: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class Login:
    """As whom a source is read. It prints nothing of itself."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Login(...)"


def parse_url(kind: str, url: str) -> tuple[Address, Login]:
    """Reads `kind://user:password@host:port/database?tls=…`; raises BAD_SOURCE_URL without repeating the URL."""
    found = _URL.fullmatch(url)
    if found is None or _KINDS.get(found["scheme"]) != kind:
        raise _bad(f"It must read {kind}://user:password@host:port/database; encode other signs with %.")
    user, password, database = (unquote(found[name] or "") for name in ("user", "password", "database"))
    if any(ord(sign) < 32 or sign == "\ufffd" for sign in user + password + database):
        raise _bad("It has signs that no name has.")
    port = int(found["port"] or PORTS[kind])
    if not 1 <= port <= 65535:
        raise _bad("The port must be from 1 to 65535.")
    return Address(kind, _host(found), port, database, _tls(found["query"] or "")), Login(user, password)


def _host(found: "re.Match[str]") -> str:
    """Takes an IP address as it is written plainly, or a name that no resolver can take for an address."""
    if found["six"] is not None:
        try:
            six = ipaddress.IPv6Address(found["six"])
        except ValueError:
            raise _bad("Its host is no IP address.") from None
        # The same machine by another spelling must meet the same rule.
        return str(six.ipv4_mapped or six)
    host = found["host"].lower()
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass
    last = host.rpartition(".")[2]
    # 2130706433, 0x7f.1 and 0177.0.0.1 are addresses to some resolvers.
    if len(host) > 253 or not _NAME.fullmatch(host) or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):
        raise _bad("Its host must be a name in plain letters, an IPv4 address, or an IPv6 address in brackets.")
    return host


def _tls(query: str) -> str:
    values = parse_qsl(query, keep_blank_values=True)
    if any(name != "tls" or value not in _TLS for name, value in values) or len(values) > 1:
        raise _bad(f"Behind the ? only tls may stand: {', '.join(_TLS)}.")
    return values[0][1] if values else "prefer"


def _bad(why: str) -> InvalidArgument:
    return InvalidArgument("BAD_SOURCE_URL", f"The source's URL cannot be read. {why}")
