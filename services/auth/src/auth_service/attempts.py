"""How often one may try: counters of failures, and how long each further attempt has to wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from service_runtime.errors import ResourceExhausted

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Counter:
    """Failures counted under one key since `since`; before `blocked_until` nothing is tried."""

    failures: int
    since: datetime
    blocked_until: datetime | None = None


@dataclass(frozen=True)
class Limit:
    """`free` failures without a wait (0: no limit), then 1, 2, 4 … seconds up to `longest`."""

    free: int
    longest: timedelta
    # From this many failures on the wait is a day; 0: never.
    ceiling: int = 0
    # After this time a counter begins anew; None: only a success does that.
    window: timedelta | None = None

    def next(self, counter: Counter, now: datetime) -> Counter:
        """Counts one more, as a failure until it is known to be none."""
        if self.window is not None and now - counter.since >= self.window:
            counter = Counter(0, now)
        failures = counter.failures + 1
        return replace(counter, failures=failures, blocked_until=now + self.delay(failures))

    def delay(self, failures: int) -> timedelta:
        """Gives the wait after that many failures."""
        if self.ceiling and failures >= self.ceiling:
            return timedelta(days=1)
        if failures < self.free:
            return timedelta(0)
        # 2**20 seconds are longer than any limit, and timedelta overflows further on.
        return min(timedelta(seconds=2 ** min(failures - self.free, 20)), self.longest)


@dataclass(frozen=True)
class Key:
    """What is counted: `kind` tells people what, `digest` is what is stored, as nobody's typing should be kept."""

    kind: str
    digest: bytes
    limit: Limit


class AttemptLimits:
    """The limits of this service. An account may be tried 50 times under each of its two names, so 100 times at most
    before one attempt a day is left. A person's own source has a counter of its own, which others cannot use up."""

    def __init__(self, *, account: int, source: int, registration: int, mail: int = 0, mail_source: int = 0) -> None:
        self._account = Limit(account, _HOUR, ceiling=50)
        self._source = Limit(source, timedelta(minutes=5), window=_HOUR)
        self._registration = Limit(registration, timedelta(minutes=5), window=_HOUR)
        self._mail = Limit(mail, timedelta(minutes=30), window=_HOUR)
        self._mail_source = Limit(mail_source, timedelta(minutes=5), window=_HOUR)

    def of_login(self, name: str, source: str, *, known_source: bool) -> list[Key]:
        """Gives what a log-in counts against. An account that does not exist is counted like one that does."""
        own = network(source) if known_source else ""
        return _switched_on(
            [_key("account", self._account, name, own), *self._of_source("source", self._source, source)]
        )

    def of_registration(self, source: str) -> list[Key]:
        """Gives what a registration counts against."""
        return _switched_on(self._of_source("registration", self._registration, source))

    def of_api_key(self, source: str) -> list[Key]:
        """Gives what a bad API key counts against. Good keys count nothing, but wait with the bad of their source."""
        return _switched_on(self._of_source("api_key", self._source, source))

    def of_reset_mail(self, name: str, source: str) -> list[Key]:
        """Gives what asking for a mail counts against, whether or not somebody has the address."""
        return _switched_on(
            [_key("mail", self._mail, name), *self._of_source("mail_source", self._mail_source, source)]
        )

    def of_reset(self, source: str) -> list[Key]:
        """Gives what a mail's token counts against."""
        return _switched_on(self._of_source("source", self._source, source))

    def after_success(self, names: Sequence[str], source: str) -> list[Key]:
        """Gives the counters of an account that end with a success."""
        owns = {"", network(source)}
        return _switched_on([_key("account", self._account, name, own) for name in names for own in sorted(owns)])

    @staticmethod
    def _of_source(kind: str, limit: Limit, source: str) -> list[Key]:
        return [_key(kind, limit, network(source))] if source else []


def admit(keys: Sequence[Key], counters: Mapping[bytes, Counter], now: datetime) -> dict[bytes, Counter]:
    """Gives the counters with one more attempt each; raises TOO_MANY_ATTEMPTS where one of them has to wait."""
    refuse_waiting(counters, now)
    return {key.digest: key.limit.next(counters[key.digest], now) for key in keys}


def refuse_waiting(counters: Mapping[bytes, Counter], now: datetime) -> None:
    """Raises TOO_MANY_ATTEMPTS where one of the counters has to wait."""
    waits = [counter.blocked_until - now for counter in counters.values() if counter.blocked_until]
    longest = max(waits, default=timedelta(0)).total_seconds()
    if longest > 0:
        raise ResourceExhausted("TOO_MANY_ATTEMPTS", "Too many attempts. Try again later.", retry_after=ceil(longest))


def network(source: str) -> str:
    """Gives an IPv4 address, or the /64 of an IPv6 one: that much each customer of a provider has."""
    if not source:
        return ""
    address = ip_address(source)
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return source


def name_hash(name: str) -> str:
    """Gives what the audit trail keeps of a name that was tried: enough to tell names apart."""
    return sha256(name.encode()).hexdigest()[:16]


def _switched_on(keys: Sequence[Key]) -> list[Key]:
    return [key for key in keys if key.limit.free]


def _key(kind: str, limit: Limit, *parts: str) -> Key:
    return Key(kind, sha256("\0".join((kind, *parts)).encode()).digest(), limit)
