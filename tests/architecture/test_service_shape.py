"""All five services have one shape: transport at the edge, rules in the middle, SQL in the store alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ["auth", "ingest", "ml", "insights", "analytics"]
SOURCES = [path for service in SERVICES for path in sorted((ROOT / f"services/{service}/src").rglob("*.py"))]
MODULES = [path for path in SOURCES if "migrations" not in path.parts]


def test_every_service_has_a_main_and_a_config() -> None:
    missing = [
        f"{service}/{name}"
        for service in SERVICES
        for name in ("__main__.py", "config.py")
        if not (ROOT / f"services/{service}/src/{service}_service/{name}").exists()
    ]
    assert missing == []


def test_only_the_edge_knows_grpc_and_the_contracts() -> None:
    """Servicers, conversions, the main and modules that call other services may; rules and stores may not."""
    offenders = [
        str(path.relative_to(ROOT)) for path in MODULES if is_inner(path) and imports(path) & {"grpc", "atalaya"}
    ]
    assert offenders == []


def test_only_stores_hold_sql_for_records() -> None:
    allowed = {"store", "__main__", "server", "worker"}
    offenders = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.stem not in allowed and not path.stem.endswith("_store") and imports(path) & {"sqlalchemy", "psycopg"}
    ]
    assert offenders == []


@pytest.mark.parametrize(
    "package",
    ["services", "packages/runtime", "packages/service_parts", "packages/client", "gateway", "deploy/local"],
)
def test_files_stay_small(package: str) -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in (ROOT / package).rglob("*.py")}
    assert {str(path.relative_to(ROOT)): lines for path, lines in sizes.items() if lines > 300} == {}


def test_no_vague_module_names() -> None:
    vague = {"utils", "helpers", "common", "manager", "base", "impl"}
    assert [str(path.relative_to(ROOT)) for path in SOURCES if path.stem in vague] == []


def is_inner(path: Path) -> bool:
    edges = ("_servicer", "_client", "_clients")
    if path.stem.startswith("convert") or path.stem.endswith("_convert"):
        return False
    return path.stem not in {"__main__", "server", "worker"} and not path.stem.endswith(edges)


def imports(path: Path) -> set[str]:
    """Names the packages that a module imports; what the contracts say of an rpc may be read anywhere."""
    return {name.split(".")[0] for name in imported(ast.parse(path.read_text())) if name != "atalaya.policies"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
