"""A tenant at its limit beside one at ten times its limit: who is refused, and what the first one feels of it.

Runs against a suite that is up and counts, such as RATE_LIMIT_PER_MINUTE=1200 RATE_LIMIT_PER_HOUR=0
RATE_LIMIT_PER_DAY=0: `python bench/fairness_load.py --url http://localhost:8000 --limit 1200`. Each round asks for A
alone and then for A and B together, open loop; the windows of both are new each time, since the people are. Five
minutes are `--seconds 60 --rounds 5`.
"""

import argparse
import asyncio
import statistics
from collections import Counter
from dataclasses import dataclass

import open_loop
import people
from http_calls import Server
from open_loop import Outcome

NEIGHBOUR = 10
# A stays a little under its limit, so that the arithmetic of one request more does not decide.
SHARE = 0.95


@dataclass(frozen=True)
class Round:
    """What A got alone and beside B, and what B got."""

    alone: list[Outcome]
    beside: list[Outcome]
    neighbour: list[Outcome]

    @property
    def success(self) -> float:
        return sum(each.status == 200 for each in self.beside) / len(self.beside)

    @property
    def slower(self) -> float:
        return p99(self.beside) / p99(self.alone)


def main() -> None:
    """Prints a line per round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--path", default="/api/v1/users/me")
    parser.add_argument("--limit", type=int, required=True, help="RATE_LIMIT_PER_MINUTE of the suite")
    parser.add_argument("--seconds", type=float, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rounds = [asyncio.run(one_round(Server.of(options.url), options)) for _ in range(options.rounds)]
    for each in rounds:
        answers, refused = (Counter(outcome.status for outcome in of) for of in (each.beside, each.neighbour))
        print(
            f"  A: {each.success:.2%} of {len(each.beside)} good {dict(answers)}, p99 {p99(each.beside):.0f} ms, alone"
            f" {p99(each.alone):.0f} ms = x{each.slower:.2f}; B: {dict(refused)}"
        )
    print(f"  success of A: {statistics.median(each.success for each in rounds):.2%}")
    print(f"  p99 of A beside B over alone: {statistics.median(each.slower for each in rounds):.2f}")


async def one_round(server: Server, options: argparse.Namespace) -> Round:
    alone, a, b = [await people.register(server) for _ in range(3)]
    rate = options.limit / 60 * SHARE
    requests = {person: [server.request("GET", options.path, token=person.access_token)] for person in (alone, a, b)}
    by_itself = await open_loop.http(server, requests[alone], rate, options.seconds)
    beside, neighbour = await asyncio.gather(
        open_loop.http(server, requests[a], rate, options.seconds),
        open_loop.http(server, requests[b], rate * NEIGHBOUR, options.seconds),
    )
    return Round(by_itself, beside, neighbour)


def p99(outcomes: list[Outcome]) -> float:
    return open_loop.percentile([each.latency for each in outcomes if each.status == 200], 99)


if __name__ == "__main__":
    main()
