"""A contract change that would break callers is noticed."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sysconfig.get_path("scripts")) / "buf"


def breaking(changed: Path) -> subprocess.CompletedProcess[str]:
    command = [str(BUF), "breaking", "--against", str(ROOT / "protos")]
    return subprocess.run(command, cwd=changed, capture_output=True, text=True, check=False, timeout=60)


def test_a_renumbered_field_breaks(tmp_path: Path) -> None:
    protos = Path(shutil.copytree(ROOT / "protos", tmp_path / "protos"))
    job = protos / "atalaya/jobs/v1/job.proto"
    job.write_text(job.read_text().replace("string kind = 2;", "string kind = 99;"))
    result = breaking(protos)
    assert result.returncode != 0
    assert "kind" in result.stdout


def test_an_added_field_does_not_break(tmp_path: Path) -> None:
    protos = Path(shutil.copytree(ROOT / "protos", tmp_path / "protos"))
    job = protos / "atalaya/jobs/v1/job.proto"
    job.write_text(job.read_text().replace("string kind = 2;", "string kind = 2;\n  // New.\n  string added = 99;"))
    assert breaking(protos).returncode == 0
