"""Generates the stubs and the descriptor set of packages/contracts from the protos beside this file."""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent
OUT = PROTOS.parent / "packages/contracts/src"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def main() -> int:
    """Replaces every generated file and returns 0, or the first failing tool's exit code, and then changes nothing."""
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory(dir=OUT.parent) as folder:
        fresh = Path(folder)
        status = _generate(fresh)
        if not status:
            _take_over(fresh)
            _make_packages()
    return status


def _generate(target: Path) -> int:
    own = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("atalaya/**/*.proto"))
    includes = [f"-I{PROTOS}", f"-I{PROTOS / 'third_party'}", f"-I{WELL_KNOWN}"]
    status = protoc.main(
        [
            "protoc",
            *includes,
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_out=quiet:{target}",
            f"--mypy_grpc_out=quiet:{target}",
            *own,
            "buf/validate/validate.proto",
        ]
    )
    if status:
        return int(status)
    return subprocess.run(
        ["buf", "build", "--as-file-descriptor-set", "-o", str(target / "atalaya/descriptors.binpb")],
        cwd=PROTOS,
        check=False,
    ).returncode


def _take_over(fresh: Path) -> None:
    """Moves the new files to their places, and removes what is not made any more."""
    for path in OUT.rglob("*"):
        if re.search(r"_pb2(_grpc)?\.pyi?$", path.name) and not (fresh / path.relative_to(OUT)).exists():
            path.unlink()
    for path in [each for each in fresh.rglob("*") if each.is_file()]:
        place = OUT / path.relative_to(fresh)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)


def _make_packages() -> None:
    for path in OUT.rglob("*_pb2.py"):
        (path.parent / "__init__.py").touch()
        for parent in path.parent.relative_to(OUT).parents:
            if parent.name:
                (OUT / parent / "__init__.py").touch()


if __name__ == "__main__":
    sys.exit(main())
