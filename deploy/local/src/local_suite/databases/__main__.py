"""`atalaya-ingest sources up|setup|seed|show|down [all|mysql|postgresql|cassandra]`: three databases.

up starts the servers, setup makes the schemas, seed fills them with generated data; each does what comes before it.
show then adds them as sources of the demo's company in the running suite, copies them into the lake and prints what the
reports say. down stops them. What cannot be had is named, and the others go on; the exit code is then 1.
"""

import argparse
import os
import sys

from local_suite.databases.orchestrator import KINDS, Orchestrator
from local_suite.errors import SuiteError
from local_suite.home import Home


def main() -> int:
    """Runs one command."""
    parser = argparse.ArgumentParser(prog="atalaya-ingest", description="Operator's commands around ingest.")
    areas = parser.add_subparsers(dest="area", required=True)
    sources = areas.add_parser("sources", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sources.add_argument("command", choices=["up", "setup", "seed", "show", "down"])
    sources.add_argument("which", nargs="?", default="all", choices=["all", *KINDS])
    arguments = parser.parse_args()
    kinds = KINDS if arguments.which == "all" else (arguments.which,)
    try:
        home = Home.from_environment(os.environ)
        home.prepare()
        done = Orchestrator(home, os.environ, lambda text: print(text, flush=True)).run(arguments.command, kinds)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
