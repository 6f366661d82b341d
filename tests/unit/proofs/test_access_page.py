"""The written matrix of who may call what is what the contracts say today."""

from pathlib import Path

from atalaya.policies import rpc_policies
from atalaya_gateway.access_page import access_page

PAGE = Path(__file__).parents[3] / "docs" / "access.md"


def test_the_committed_page_is_what_the_contracts_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == access_page()


def test_every_rpc_has_a_row() -> None:
    rows = [line for line in access_page().splitlines() if line.startswith("| ") and not line.startswith("| rpc ")]
    assert len(rows) == len(rpc_policies())


def test_a_row_says_to_whom_an_rpc_is_open() -> None:
    rows = {line.split(" | ")[0]: line for line in access_page().splitlines()}
    assert rows["| UsersService.GetMe"].endswith("|  | yes | yes | yes |  |")
    assert rows["| AuthService.Login"].endswith("| yes | yes | yes | yes |  |")
    assert rows["| ErasureService.EraseTenant"].endswith("| inside |  |  |  |  | yes |")
