"""Refreshes and log-ins mixed eight to one, beside the hashing that the log-ins cost.

Runs against a suite that is up, with its limits off: `python bench/grants_load.py --url http://localhost:8000`. Each
client refreshes its session eight times and logs in once, over and over. The processors left after hashing are those
of the machine less log-ins a second times the processor time of one argon2id verification, measured before and after.
"""

import argparse
import asyncio
import itertools
import os
import statistics
from dataclasses import dataclass

import closed_loop
import login_load
import people
from http_calls import Server

CLIENTS, REFRESHES = 8, 8


@dataclass(frozen=True)
class Round:
    """Grants a second, and the processors that hashing left for them."""

    grants: float
    log_ins: float
    processors_left: float

    @property
    def per_processor(self) -> float:
        return self.grants / self.processors_left


def main() -> None:
    """Prints a line per round and the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rounds = [asyncio.run(one_round(Server.of(options.url), options.seconds)) for _ in range(options.rounds)]
    for each in rounds:
        print(
            f"  {each.grants:5.0f} grants/s, {each.log_ins:4.1f} of them log-ins; hashing leaves"
            f" {each.processors_left:.2f} processors: {each.per_processor:4.0f} grants/s each"
        )
    print(f"  per processor left: {statistics.median(each.per_processor for each in rounds):.0f}")


async def one_round(server: Server, seconds: float) -> Round:
    crowd = [await people.register(server) for _ in range(CLIENTS)]
    before, _ = await asyncio.to_thread(login_load.raw_rate, seconds / 4)
    counts = {"refresh": 0, "log_in": 0}
    members = iter(crowd)

    async def client(until: float, times: list[float]) -> None:
        person, loop = next(members), asyncio.get_running_loop()
        connection, token = await server.connect(), person.refresh_token
        for step in itertools.count(1):
            begun = loop.time()
            # The load's own clock is the same monotonic one.
            if begun >= until:
                break
            kind = "log_in" if step % (REFRESHES + 1) == 0 else "refresh"
            request = people.log_in(server, person) if kind == "log_in" else refresh(server, token)
            answer = await connection.ask(request)
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {answer.body.decode(errors='replace')}")
            token = answer.json()["refresh_token"]
            counts[kind] += 1
            times.append(loop.time() - begun)
        connection.close()

    load = await closed_loop.run(client, CLIENTS, seconds)
    after, _ = await asyncio.to_thread(login_load.raw_rate, seconds / 4)
    cores = os.cpu_count() or 1
    log_ins = load.rate * counts["log_in"] / sum(counts.values())
    seconds_each = cores / ((before + after) / 2)
    return Round(load.rate, log_ins, cores - log_ins * seconds_each)


def refresh(server: Server, token: str) -> bytes:
    return server.request("POST", "/api/v1/auth/refresh", body={"refresh_token": token})


if __name__ == "__main__":
    main()
