"""What do other services feel when one dies? `python tests/load/killed_services.py [--rounds 3] [--quiet-seconds 10]`.

Each service in turn is killed with calls in its hands, while twenty calls a second go to every other one. The calls of
the seconds before a kill and of those until the service answers again are compared, by service that was killed: median,
99th percentile and the longest. What must hold: the 99th percentile is at most twice that of before. On few processors
the killed service's own start takes part of the time that the others need; in a cluster it starts elsewhere.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.killed_services import SERVICES, Outcome, kill_mid_request
from support.running_suite import NO_DELAYS, RunningSuite
from support.steady_load import Answer, percentile

CALLS = 8
MOST_RATIO = 2.0


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        suite = RunningSuite.fresh(Path(folder) / "home", **NO_DELAYS)
        try:
            suite.start()
            ratios = measure(suite, options.rounds, options.quiet_seconds)
        finally:
            suite.stop()
    print(f"99th percentile, median of all kills: {statistics.median(ratios):.2f} times that of before")
    raise SystemExit(statistics.median(ratios) > MOST_RATIO)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quiet-seconds", type=float, default=10)
    return parser.parse_args()


def measure(suite: RunningSuite, rounds: int, quiet_seconds: float) -> list[float]:
    """Kills each service so many times, one after the other; gives the ratio of each kill."""
    token = suite.provision([{"name": "Neighbours"}])["tenants"][0]["loader_token"]
    ratios = []
    for _ in range(rounds):
        for name in SERVICES:
            outcome = kill_mid_request(suite, token, name, calls=CALLS, quiet_seconds=quiet_seconds)
            ratios.append(told(name, outcome))
    return ratios


def told(name: str, outcome: Outcome) -> float:
    """Prints how it went, and gives the ratio of the two 99th percentiles."""
    before, meanwhile = every(outcome.before.values()), every(outcome.meanwhile.values())
    ends = sorted({(answer.status, answer.code) for answer in outcome.in_flight})
    ratio = percentile(meanwhile, 0.99) / percentile(before, 0.99)
    failed = sum(answer.status not in (200, 404) for answer in meanwhile)
    print(
        f"{name:<10} in flight {ends} and {outcome.rpc.name}, answers again after {outcome.back_seconds:.1f} s; "
        f"others {in_milliseconds(before)} before, {in_milliseconds(meanwhile)} meanwhile: "
        f"{ratio:.2f}, {failed} of {len(meanwhile)} failed",
        flush=True,
    )
    return ratio


def every(answers: Iterable[list[Answer]]) -> list[Answer]:
    return [answer for some in answers for answer in some]


def in_milliseconds(answers: list[Answer]) -> str:
    figures = (percentile(answers, 0.5), percentile(answers, 0.99), max(answer.seconds for answer in answers))
    return " / ".join(f"{1000 * figure:.0f}" for figure in figures) + " ms"


if __name__ == "__main__":
    main()
