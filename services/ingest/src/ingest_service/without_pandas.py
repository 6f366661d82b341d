"""Keeps pandas out of a process: pyarrow imports it wherever it is installed, which costs the worker some 60 MB."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Refusal(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not for this process", name="pandas")
        return None


def refuse_pandas() -> None:
    """Makes `import pandas` fail as if it were not installed; before anything of pyarrow is used."""
    sys.meta_path.insert(0, _Refusal())
