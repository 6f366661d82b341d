"""Do times tell who has an account? `python tests/load/enumeration_timing.py [--pairs 2000] [--of reset]`.

Log-in, reset and invitation are asked in pairs, somebody and nobody in random order, one right after the other. What
must hold: Wilcoxon's test of the paired times finds nothing (p > 0.01), and the median difference of a pair is
less than a millisecond. A difference that is really there is measured last, so that finding nothing means something.
"""

import argparse
import asyncio
import gc
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import grpc
import structlog

sys.path.insert(0, str(Path(__file__).parents[1]))

from atalaya.auth.v1 import people_pb2, recovery_pb2
from atalaya.auth.v1.people_pb2_grpc import PeopleServiceStub
from atalaya.auth.v1.recovery_pb2_grpc import RecoveryServiceStub
from auth_service.config import Settings
from auth_service.server import build_server
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from scipy.stats import wilcoxon
from support import postgres
from support.auth_running import Clock, Person, RunningAuth
from support.running import running, socket_address
from support.tokens import bearer

MOST_MILLISECONDS = 1.0
LEAST_P = 0.01
WARM_UP = 20
Ask = Callable[[str], Awaitable[object]]


@dataclass(frozen=True)
class Comparison:
    """Two addresses that are asked for in the same way; `may_differ` where they really do."""

    name: str
    ask: Ask
    somebody: str
    nobody: str
    may_differ: bool = False


async def seconds(ask: Ask, email: str) -> float:
    began = time.perf_counter()
    with suppress(grpc.aio.AioRpcError):
        await ask(email)
    return time.perf_counter() - began


async def compare(comparison: Comparison, pairs: int) -> bool:
    """Measures the pairs, prints what was found, and tells whether it is as it must be."""
    times: dict[str, list[float]] = {comparison.somebody: [], comparison.nobody: []}
    for _ in range(pairs + WARM_UP):
        for email in random.sample(list(times), 2):
            times[email].append(1000 * await seconds(comparison.ask, email))
    somebody, nobody = (times[email][WARM_UP:] for email in (comparison.somebody, comparison.nobody))
    p = float(wilcoxon(somebody, nobody).pvalue)
    medians = statistics.median(somebody), statistics.median(nobody)
    # Of the pairs: what the machine does meanwhile is in both of a pair, and not in the difference.
    difference = abs(statistics.median(one - other for one, other in zip(somebody, nobody, strict=True)))
    is_silent = p > LEAST_P and difference < MOST_MILLISECONDS
    print(
        f"{comparison.name:44} medians {medians[0]:7.2f} and {medians[1]:7.2f} ms, "
        f"difference {difference:6.3f} ms, p = {p:.3g}: {'silent' if is_silent else 'tells them apart'}",
        flush=True,
    )
    return is_silent != comparison.may_differ


def comparisons(auth: RunningAuth, person: Person, inactive: Person, moved: Person) -> list[Comparison]:
    recovery, people = RecoveryServiceStub(auth.channel), PeopleServiceStub(auth.channel)
    own = bearer(person.reply.access_token)

    async def log_in(email: str) -> object:
        return await auth.log_in(email, "wrong-password")

    async def forget(email: str) -> object:
        return await recovery.ForgotPassword(recovery_pb2.ForgotPasswordRequest(email=email))

    async def invite(email: str) -> object:
        return await people.InviteUser(people_pb2.InviteUserRequest(email=email, role="user"), metadata=own)

    ghost = "ghost0@example.com"
    return [
        Comparison("log-in: wrong password, nobody", log_in, person.email, ghost),
        Comparison("log-in: inactive, nobody", log_in, inactive.email, ghost),
        Comparison("reset: somebody, nobody", forget, person.email, ghost),
        Comparison("reset: inactive, nobody", forget, inactive.email, ghost),
        Comparison("invitation: somebody elsewhere, nobody", invite, moved.email, ghost),
        Comparison("control, a bcrypt hash not upgraded yet", log_in, moved.email, ghost, may_differ=True),
    ]


async def measure(pairs: int, of: str, folder: Path) -> bool:
    key_file = folder / "keys.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    database = postgres.database_for("auth")
    off: dict[str, Any] = dict.fromkeys(
        ["login_failures_before_delay", "source_failures_before_delay", "users_per_tenant"], 0
    )
    off |= dict.fromkeys(["reset_mails_before_delay", "reset_mails_of_source_before_delay"], 0)
    off |= dict.fromkeys(["rate_limit_per_minute", "rate_limit_per_hour", "rate_limit_per_day"], 0)
    async with socket_address() as address:
        settings = Settings(
            listen_address=address,
            database_url=database.url,
            jwt_private_keys_file=str(key_file),
            **off,
            drain_seconds=0,
        )
        async with running(await build_server(settings)) as channel:
            auth = RunningAuth(channel, database, Clock())
            person, inactive, moved = [await auth.register() for _ in range(3)]
            auth.query("UPDATE users SET is_active = false WHERE user_id = %s", inactive.user.id)
            old = bcrypt.hashpw(b"something else", bcrypt.gensalt(10)).decode()
            auth.query("UPDATE users SET password_hash = %s WHERE user_id = %s", old, moved.user.id)
            gc.disable()
            wanted = [each for each in comparisons(auth, person, inactive, moved) if each.name.startswith(of)]
            found = [await compare(each, pairs) for each in wanted]
    return all(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--of", default="", help="log-in, reset, invitation or control; all where absent")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        is_as_it_must_be = asyncio.run(measure(chosen.pairs, chosen.of, Path(folder)))
    raise SystemExit(0 if is_as_it_must_be else 1)


if __name__ == "__main__":
    main()
