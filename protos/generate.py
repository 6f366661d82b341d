"""Generates the stubs and the descriptor set of packages/contracts from the protos beside this file."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parent
OUT = PROTOS.parent / "packages/contracts/src"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def main() -> int:
    """Writes every generated file anew and returns 0, or the first failing tool's exit code."""
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    _remove_generated()
    own = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("atalaya/**/*.proto"))
    includes = [f"-I{PROTOS}", f"-I{PROTOS / 'third_party'}", f"-I{WELL_KNOWN}"]
    status = protoc.main(
        [
            "protoc",
            *includes,
            f"--python_out={OUT}",
            f"--grpc_python_out={OUT}",
            f"--mypy_out=quiet:{OUT}",
            f"--mypy_grpc_out=quiet:{OUT}",
            *own,
            "buf/validate/validate.proto",
        ]
    )
    if status:
        return int(status)
    _make_packages()
    return subprocess.run(
        ["buf", "build", "--as-file-descriptor-set", "-o", str(OUT / "atalaya/descriptors.binpb")],
        cwd=PROTOS,
        check=False,
    ).returncode


def _remove_generated() -> None:
    for path in OUT.rglob("*"):
        if re.search(r"_pb2(_grpc)?\.pyi?$", path.name):
            path.unlink()


def _make_packages() -> None:
    for path in OUT.rglob("*_pb2.py"):
        (path.parent / "__init__.py").touch()
        for parent in path.parent.relative_to(OUT).parents:
            if parent.name:
                (OUT / parent / "__init__.py").touch()


if __name__ == "__main__":
    sys.exit(main())
