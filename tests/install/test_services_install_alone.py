"""Each service installs and starts by itself, with its own dependencies and nothing else."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a service must do without: the heavy libraries that only others need.
ABSENT = {
    "auth": ["duckdb", "sklearn", "onnxruntime", "pyarrow", "boto3"],
    "ingest": ["sklearn", "onnxruntime", "argon2"],
    "ml": ["sklearn", "pandas", "statsmodels", "argon2"],
    "insights": ["sklearn", "onnxruntime", "argon2"],
    "analytics": ["sklearn", "onnxruntime", "argon2"],
}
# What trains models comes with the extra `train`, for workers alone.
IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if ".training" not in module.name and ".migrations" not in module.name:
        importlib.import_module(module.name)
"""


@pytest.mark.parametrize("service", sorted(ABSENT))
def test_a_service_installs_and_reads_its_settings_alone(service: str, tmp_path: Path) -> None:
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv"), "UV_PYTHON_DOWNLOADS": "never"}
    sync = ["uv", "sync", "--quiet", "--frozen", "--no-dev", "--no-editable", "--package", f"{service}-service"]
    # uv would take what it built of them before, since it looks at their pyproject.toml alone.
    for own in ("atalaya-contracts", "atalaya-runtime", "atalaya-service-parts", f"{service}-service"):
        sync += ["--reinstall-package", own]
    subprocess.run(sync, cwd=ROOT, env=environment, check=True, timeout=300)
    python = tmp_path / "venv/bin/python"
    started = subprocess.run([python, "-m", f"{service}_service", "--help"], capture_output=True, text=True, timeout=60)
    assert started.returncode == 0, started.stderr
    assert "check-config" in started.stdout
    assert present(python, ABSENT[service]) == []
    subprocess.run([python, "-c", IMPORT_ALL, f"{service}_service"], check=True, timeout=60)


def present(python: Path, modules: list[str]) -> list[str]:
    code = "import importlib.util, sys; print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m)])"
    found = subprocess.run([python, "-c", code, *modules], capture_output=True, text=True, check=True, timeout=60)
    return found.stdout.split()
