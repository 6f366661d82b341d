"""The local suite's commands: up, down, status, demo and env; each failure is one sentence and an exit code.

Exit codes: 1 something does not start, 2 bad usage or setting, 3 port taken, 4 disk full, 5 data of a newer release,
6 a suite runs on this home already, 7 unsupported Python or platform, 8 no suite runs on this home.
"""

import argparse
import os
import sys

from service_runtime.full_disk import FULL

from local_suite.checks import check_machine
from local_suite.errors import DiskFull, SuiteError


def main() -> int:
    """Runs one command."""
    parser = argparse.ArgumentParser(prog="local_suite", description="The whole of Atalaya on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the suite and keep it running until Ctrl-C")
    commands.add_parser("down", help="stop the suite that runs on this home")
    commands.add_parser("status", help="show what runs where, and the memory it takes")
    commands.add_parser("demo", help="load the demo data into the running suite")
    environment = commands.add_parser("env", help="print the environment of a service, secrets included")
    environment.add_argument("service", choices=["auth", "ingest", "ml", "insights", "analytics"])
    arguments = parser.parse_args()
    try:
        check_machine()
        return _run(arguments)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(f"The disk is full: {error.filename or 'a file'} cannot be written.", file=sys.stderr)
        return DiskFull.exit_code
    except KeyboardInterrupt:
        return 130  # Before there was anything to stop.


def _run(arguments: argparse.Namespace) -> int:
    # Imported after the machine is known to be fit: on another one these fail with a worse message.
    from local_suite import commands
    from local_suite.home import Home
    from local_suite.runner import up
    from local_suite.screen import Screen

    home = Home.from_environment(os.environ)
    if arguments.command == "up":
        up(home, Screen())
        return 0
    if arguments.command == "down":
        return commands.down(home, Screen())
    if arguments.command == "status":
        return commands.status(home, Screen())
    if arguments.command == "demo":
        return commands.demo(home, Screen())
    return commands.env(home, arguments.service)


if __name__ == "__main__":
    sys.exit(main())
