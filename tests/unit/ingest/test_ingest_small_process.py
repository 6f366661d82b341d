"""What a library's code needed once does not stay in the worker's memory."""

import subprocess
import sys
from pathlib import Path

import pytest

_CODE = """
import re
from pathlib import Path
from ingest_service.small_process import give_back, keep_small

def of_files():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

keep_small()
import duckdb
connection = duckdb.connect()
before = of_files()
give_back()
print(before, of_files(), connection.execute("SELECT sum(range) FROM range(1000)").fetchone()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="tells what a process has mapped")
def test_code_that_only_the_start_needed_is_let_go_and_still_runs() -> None:
    ended = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    before, after, total = map(int, ended.stdout.split())
    assert total == 499_500
    assert after < 0.75 * before
