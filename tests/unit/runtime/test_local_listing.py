"""A lake on this machine remembers what lies in a folder, and sees at the next look whatever has changed."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from service_runtime.lake import local_listing
from service_runtime.lake.local import LocalLake

Change = Callable[[Path], object]

CHANGES: dict[str, Change] = {
    "a file comes": lambda folder: (folder / "c.csv").write_bytes(b"c"),
    "a file comes below": lambda folder: (folder / "below" / "c.csv").write_bytes(b"c"),
    "a file goes": lambda folder: (folder / "a.csv").unlink(),
    "a file has another name": lambda folder: (folder / "a.csv").rename(folder / "z.csv"),
    "a file is written over": lambda folder: (folder / "a.csv").write_bytes(b"longer"),
    "a file takes another's place": lambda folder: (folder / "b.csv").rename(folder / "a.csv"),
    "a folder takes another's place": lambda folder: (folder / "below").rename(folder / "other"),
    "all goes": lambda folder: folder.rename(folder.with_name("gone")),
}


class Reads:
    """How often a folder was opened and read."""

    def __init__(self) -> None:
        self.count = 0

    def scandir(self, path: str) -> "Iterator[os.DirEntry[str]]":
        self.count += 1
        return _scandir(path)


_scandir = os.scandir


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads = Reads()
    monkeypatch.setattr(os, "scandir", reads.scandir)
    # A test's folders are young; a tenth of a second is many ticks of this machine's file system.
    monkeypatch.setattr(local_listing, "_SETTLED_NANOSECONDS", 100_000_000)
    monkeypatch.setattr(local_listing, "_LONGEST_SECONDS", 1000)
    return reads


def settled(lake: LocalLake, reads: Reads) -> None:
    """Lists until that needs no reading."""
    ends = time.monotonic() + 30
    before = -1
    while reads.count != before:
        assert time.monotonic() < ends
        before = reads.count
        lake.list("folder")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "below/a.csv"):
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_at_the_next_look(change: Change, folder: Path, reads: Reads) -> None:
    lake = LocalLake(folder.parent)
    settled(lake, reads)
    before = lake.list("folder")
    change(folder)
    after = lake.list("folder")
    assert after == LocalLake(folder.parent).list("folder")
    assert after != before


def test_a_folder_that_leads_elsewhere_is_read_each_time(folder: Path, reads: Reads, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    (folder / "link.csv").symlink_to(target)
    lake = LocalLake(folder.parent)
    for file in (folder, folder / "below"):
        while time.time_ns() - file.stat().st_ctime_ns < 200_000_000:
            os.sched_yield()
    assert "folder/link.csv" not in [item.path for item in lake.list("folder")]
    target.write_bytes(b"x")
    assert "folder/link.csv" in [item.path for item in lake.list("folder")]
