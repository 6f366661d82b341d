"""`python -m local_suite.demo`: loads the demo into the running suite that ATALAYA_HOME and ATALAYA_PORT name."""

import os
import sys
import time

from local_suite.demo.load import load
from local_suite.errors import SuiteError
from local_suite.home import Home


def main() -> int:
    """Loads; a failure is one sentence and an exit code."""
    try:
        load(Home.from_environment(os.environ), _say)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
