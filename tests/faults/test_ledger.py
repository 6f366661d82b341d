"""The rules that judge the faults can fail: a ledger with one row too few, too many or made up is found out."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.ledger import End, Ledger, broken_rules


@pytest.mark.parametrize(
    ("end", "found"),
    [
        ("acked", ["a"]),
        ("acked", ["a", "b", "b"]),
        ("acked", []),
        ("refused", ["a"]),
        ("unknown", ["a"]),
        ("unknown", ["a", "a", "b", "b"]),
        ("acked", ["a", "b", "c"]),
    ],
)
def test_what_breaks_a_rule_is_found(tmp_path: Path, end: End, found: list[str]) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.end(ledger.begin("import", ["a", "b"]), end)
    assert len(broken_rules(ledger.operations(), found)) == 1


@pytest.mark.parametrize(
    ("end", "found"), [("acked", ["b", "a"]), ("refused", []), ("unknown", []), ("unknown", ["a", "b"])]
)
def test_what_keeps_them_is_let_pass(tmp_path: Path, end: End, found: list[str]) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.end(ledger.begin("import", ["a", "b"]), end)
    assert broken_rules(ledger.operations(), found) == []


def test_an_operation_without_an_end_is_unknown_and_the_last_end_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.begin("post", ["a"])
    second = ledger.begin("import", ["b"])
    ledger.end(second, "accepted", job="1")
    ledger.end(second, "acked", rows=1)
    assert [(each.end, each.facts) for each in ledger.operations()] == [
        ("unknown", {}),
        ("acked", {"job": "1", "rows": 1}),
    ]


def test_it_is_read_while_others_write(tmp_path: Path) -> None:
    ledger, rows = Ledger(tmp_path / "ledger"), [str(number) for number in range(20_000)]

    def write() -> None:
        for _ in range(50):
            ledger.begin("posts", rows)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            assert all(len(operation.rows) == len(rows) for operation in ledger.operations())
        writing.result()
    assert len(ledger.operations()) == 50
