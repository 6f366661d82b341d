"""The arrows between the packages point the way the architecture draws them."""

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]


def test_imports_keep_their_direction(capsys: pytest.CaptureFixture[str]) -> None:
    failed = lint_imports(config_filename=str(ROOT / ".importlinter"), no_cache=True)
    assert failed == 0, capsys.readouterr().out
