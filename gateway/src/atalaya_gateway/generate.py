"""Writes envoy.yaml and openapi.json from the contracts; with --check tells whether they are as the contracts say."""

import argparse
import sys

from atalaya_gateway.bootstrap import template
from atalaya_gateway.committed import committed_path
from atalaya_gateway.openapi.document import openapi_json


def generated() -> dict[str, str]:
    """Gives the text of each generated file."""
    return {"envoy.yaml": template(), "openapi.json": openapi_json()}


def drifted() -> list[str]:
    """Names the generated files that are not as the contracts say."""
    return [name for name, text in generated().items() if _committed(name) != text]


def _committed(name: str) -> str:
    path = committed_path(name)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main() -> int:
    """Writes or checks, and gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m atalaya_gateway.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file would change")
    if not parser.parse_args().check:
        for name, text in generated().items():
            committed_path(name).write_text(text, encoding="utf-8")
        return 0
    changed = drifted()
    for name in changed:
        print(
            f"gateway/{name} is not what the contracts say: run `python -m atalaya_gateway.generate`", file=sys.stderr
        )
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
