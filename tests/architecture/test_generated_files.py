"""What is generated and committed is what the protos say today."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# `make check` says the same in less time.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def test_stubs_and_descriptor_set_are_up_to_date(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copytree(ROOT / "packages/contracts/src", tmp_path / "packages/contracts/src")
    subprocess.run([sys.executable, tmp_path / "protos/generate.py"], check=True, timeout=120)
    assert differing(ROOT / "packages/contracts/src", tmp_path / "packages/contracts/src") == []


def test_a_changed_proto_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.copytree(ROOT / "packages/contracts/src", tmp_path / "packages/contracts/src")
    proto = tmp_path / "protos/atalaya/jobs/v1/job.proto"
    proto.write_text(proto.read_text().replace("string kind = 2;", "string sort = 2;"))
    subprocess.run([sys.executable, tmp_path / "protos/generate.py"], check=True, timeout=120)
    changed = differing(ROOT / "packages/contracts/src", tmp_path / "packages/contracts/src")
    assert {"atalaya/jobs/v1/job_pb2.py", "atalaya/descriptors.binpb"} <= set(changed)


def differing(committed: Path, made: Path) -> list[str]:
    names = {
        str(path.relative_to(folder))
        for folder in (committed, made)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return sorted(name for name in names if content(committed / name) != content(made / name))


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
