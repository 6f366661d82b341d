"""Where the generated files are: beside the package in a checkout, inside it once installed."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]
FILES = ("envoy.yaml", "openapi.json")


def committed_path(name: str) -> Path:
    """Gives the path of a generated file."""
    installed = _PACKAGE / name
    return installed if installed.exists() else _CHECKOUT / name


def committed_file(name: str) -> bytes:
    """Reads a generated file."""
    return committed_path(name).read_bytes()
