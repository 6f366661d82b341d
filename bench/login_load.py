"""Log-ins a second beside raw argon2id verifications, and what is left of them at three times that load.

Runs against a suite that is up, with its limits off (LOGIN_FAILURES_BEFORE_DELAY=0, SOURCE_FAILURES_BEFORE_DELAY=0):
`python bench/login_load.py --url http://localhost:8000`. Each round measures by turns of five seconds, since a shared
machine is another one a minute later: raw verifications (argon2-cffi, as many threads as cores, this process alone),
log-ins by four clients that ask again at once, and log-ins that arrive at three times that rate whatever happens.
Medians of the rounds, and their span. `--seconds 60 --rounds 5` asks for five minutes of each. With the suite's
ATALAYA_HOME it also tells how stored passwords are hashed.
"""

import argparse
import asyncio
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import closed_loop
import open_loop
import people
from argon2 import PasswordHasher
from http_calls import Server
from local_suite.home import Home
from local_suite.programs import postgres_server

# As auth hashes: OWASP's least for argon2id.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, salt_len=16)
PASSWORD = "tall-Cactus-and-9-llamas"  # noqa: S105
PEOPLE = 24
CLIENTS = 4
OVERLOAD = 3
TURN_SECONDS = 5.0


@dataclass(frozen=True)
class Round:
    """One round's figures: rates a second, latencies in milliseconds."""

    raw: float
    verification: float
    log_ins: float
    answered: int
    goodput: float
    admitted_p99: float
    refused: int
    refused_p99: float
    unanswered: int
    others: int
    bare_refusals: int

    @property
    def efficiency(self) -> float:
        return self.log_ins / self.raw

    @property
    def kept(self) -> float:
        return self.goodput / self.log_ins

    @property
    def patience(self) -> float:
        return self.admitted_p99 / self.verification


def main() -> None:
    """Prints a line per round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    report(asyncio.run(measure(Server.of(options.url), options.seconds, options.rounds)))
    if home := os.environ.get("ATALAYA_HOME"):
        print(f"  stored as {', '.join(stored_hashes(Path(home), urlsplit(options.url).port or 80))}")


async def measure(server: Server, seconds: float, rounds: int) -> list[Round]:
    crowd = [await people.register(server) for _ in range(PEOPLE)]
    requests = [people.log_in(server, person) for person in crowd]
    await closed_loop.http(server, requests, CLIENTS, 3)
    return [await one_round(server, requests, seconds) for _ in range(rounds)]


async def one_round(server: Server, requests: list[bytes], seconds: float) -> Round:
    raw, verifications, log_ins, goodput = list[float](), list[float](), list[float](), list[float]()
    outcomes: list[open_loop.Outcome] = []
    for _ in range(max(1, round(seconds / TURN_SECONDS))):
        rate, verification = await asyncio.to_thread(raw_rate, TURN_SECONDS)
        raw.append(rate)
        verifications.append(verification)
        log_ins.append((await closed_loop.http(server, requests, CLIENTS, TURN_SECONDS)).rate)
        begun = time.perf_counter()
        overload = await open_loop.http(server, requests, OVERLOAD * log_ins[-1], TURN_SECONDS)
        # What was still in work when the turn was over has its time counted too.
        goodput.append(sum(each.status == 200 for each in overload) / (time.perf_counter() - begun))
        outcomes += overload
    admitted = [each.latency for each in outcomes if each.status == 200]
    refused = [each for each in outcomes if each.status in (429, 503)]
    return Round(
        raw=statistics.mean(raw),
        verification=statistics.median(verifications),
        log_ins=statistics.mean(log_ins),
        answered=round(sum(log_ins) * TURN_SECONDS),
        goodput=statistics.mean(goodput),
        admitted_p99=open_loop.percentile(admitted, 99),
        refused=len(refused),
        refused_p99=open_loop.percentile([each.latency for each in refused], 99),
        unanswered=sum(each.status == 0 for each in outcomes),
        others=sum(each.status not in (0, 200, 429, 503) for each in outcomes),
        bare_refusals=sum(not each.has_retry_after for each in refused),
    )


def raw_rate(seconds: float) -> tuple[float, float]:
    """Gives verifications a second on all cores, and the milliseconds that one takes with all cores busy."""
    known, times = HASHER.hash(PASSWORD), []

    def verify_until(end: float) -> int:
        count = 0
        while (begun := time.perf_counter()) < end:
            HASHER.verify(known, PASSWORD)
            times.append(time.perf_counter() - begun)
            count += 1
        return count

    cores = os.cpu_count() or 1
    begun = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        counts = list(pool.map(verify_until, [begun + seconds] * cores))
    return sum(counts) / (time.perf_counter() - begun), statistics.median(times) * 1000


def stored_hashes(home: Path, port: int) -> list[str]:
    """Gives the headers of the hashes of those who logged in, each once: kind, version and parameters."""
    with postgres_server(Home(home, port)).connect("atalaya_auth") as connection:
        found = connection.execute(
            r"""SELECT DISTINCT substring(password_hash FROM '^\$[^$]+\$[^$]+\$[^$]+') FROM users
                WHERE email LIKE 'bench-%' AND last_login_at > created_at"""
        )
        return [str(header) for (header,) in found]


def report(rounds: list[Round]) -> None:
    for each in rounds:
        print(
            f"  raw {each.raw:5.1f}/s ({each.verification:.0f} ms),"
            f" log-ins {each.log_ins:5.1f}/s = {each.efficiency:.2f}; all of {each.answered} answered 2xx, for anything"
            f" else ends this\n"
            f"    at x{OVERLOAD}: {each.goodput:5.1f}/s = {each.kept:.2f}, p99 {each.admitted_p99:4.0f} ms ="
            f" {each.patience:4.1f} verifications; {each.refused} refused, p99 {each.refused_p99:.0f} ms,"
            f" {each.bare_refusals} without Retry-After; {each.unanswered} unanswered, {each.others} other"
        )
    for name in ("efficiency", "kept", "patience", "refused_p99"):
        values = sorted(getattr(each, name) for each in rounds)
        print(f"  {name}: {statistics.median(values):.2f} ({values[0]:.2f}..{values[-1]:.2f})")


if __name__ == "__main__":
    main()
