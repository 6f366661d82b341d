"""A bounded folder of computed files: found by key, the least recently used go first, those in use stay."""

import asyncio
import contextlib
import hashlib
import json
import shutil
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from service_runtime.errors import Unavailable

from analytics_service.metrics import TABLE_BYTES

# Left free on the disk, for whatever else writes there.
_SPARE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class KeptFile:
    """A kept file with the facts that were found when it was made, and whose data it holds."""

    key: str
    owner: str
    path: Path
    facts: dict[str, Any]
    size: int

    @property
    def needs(self) -> Sequence[str]:
        """The keys of the files that this one is nothing without; they stay while it is held."""
        keys: Sequence[str] = self.facts.get("needs", ())
        return keys


def key_of(*parts: object) -> str:
    """A key of whatever makes a file what it is."""
    # Names of files on a disk may be no UTF-8.
    return hashlib.sha256("\0".join(str(part) for part in parts).encode(errors="surrogateescape")).hexdigest()


class KeptFiles:
    """Files by key in one folder, which belongs to one process; what it holds outlives a restart."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._files: OrderedDict[str, KeptFile] = OrderedDict()
        self._pins: Counter[str] = Counter()
        self._bytes = 0
        # Promised to files in the making.
        self._promised = 0
        self._room = asyncio.Condition()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._incoming = folder / "incoming"
        self._incoming.mkdir(exist_ok=True)
        for leftover in self._incoming.iterdir():
            leftover.unlink()
        self._load()

    def find(self, key: str) -> KeptFile | None:
        file = self._files.get(key)
        if file is None:
            return None
        if not file.path.exists():
            # Somebody cleared the folder: it is made again.
            self._forget(key)
            return None
        self._files.move_to_end(key)
        return file

    def keep(self, key: str, owner: str, made: Path, facts: dict[str, Any]) -> KeptFile:
        """Takes over a file that was made in `incoming`; its suffix stays."""
        target = self._folder / f"{key}{made.suffix}"
        size = made.stat().st_size
        content = {"file": target.name, "size": size, "owner": owner, "facts": facts}
        with self.incoming(".json") as about:
            about.write_text(json.dumps(content), encoding="utf-8")
            # Without the file beside it the description says nothing, so it goes first.
            about.replace(self._folder / f"{key}.json")
            made.replace(target)
        file = KeptFile(key, owner, target, facts, size)
        self._add(file)
        self._make_room()
        return file

    def forget(self, owner: str) -> int:
        """Removes everything of an owner, in use or not; gives how many files there were."""
        keys = [file.key for file in self._files.values() if file.owner == owner]
        for key in keys:
            self._forget(key)
        return len(keys)

    def discard(self, keys: Iterable[str]) -> None:
        """Removes the files of these keys."""
        for key in keys:
            if key in self._files:
                self._forget(key)

    @contextlib.contextmanager
    def in_use(self, files: Iterable[KeptFile]) -> Iterator[None]:
        """Holds the files as long as a query reads them."""
        try:
            with self.held(file.key for file in files):
                yield
        finally:
            self._make_room()

    @contextlib.contextmanager
    def held(self, keys: Iterable[str]) -> Iterator[None]:
        """Holds what has these keys or comes to have them; whoever goes on to use the files has no need to hurry."""
        keys = list(keys)
        self._pins.update(keys)
        try:
            yield
        finally:
            self._pins.subtract(keys)
            for key in keys:
                if self._pins[key] <= 0:
                    del self._pins[key]

    @contextlib.asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Holds so many bytes for files in the making: kept ones make way, others in the making are waited for.

        Errors: CACHE_UNAVAILABLE, where there is not so much or the disk has not.
        """
        if size > self._max_bytes:
            message = "The file is larger than this server may keep: ANALYTICS_CACHE_BYTES has to be raised."
            raise Unavailable("CACHE_UNAVAILABLE", message, retry_after=300)
        async with self._room:
            await self._room.wait_for(lambda: self._promised + size <= self._max_bytes)
            self._promised += size
        try:
            self._make_room()
            self._check_disk(size)
            yield
        finally:
            self._promised -= size
            async with self._room:
                self._room.notify_all()

    @contextlib.contextmanager
    def incoming(self, suffix: str) -> Iterator[Path]:
        """A name for a file in the making; what is left under it at the end is removed."""
        path = self._incoming / f"{uuid4().hex}{suffix}"
        try:
            yield path
        except OSError as error:
            raise Unavailable("CACHE_UNAVAILABLE", "There is no room to work in.", retry_after=30) from error
        finally:
            path.unlink(missing_ok=True)

    def _load(self) -> None:
        about = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in about:
            with contextlib.suppress(OSError, ValueError, KeyError):
                content = json.loads(path.read_text(encoding="utf-8"))
                file = self._folder / content["file"]
                # A file that a power cut left shorter is not taken.
                if file.stat().st_size == content["size"]:
                    self._add(KeptFile(path.stem, content["owner"], file, content["facts"], content["size"]))
        known = {name for file in self._files.values() for name in (file.path.name, f"{file.key}.json")}
        for path in self._folder.iterdir():
            if path.is_file() and path.name not in known:
                path.unlink()
        self._make_room()

    def _add(self, file: KeptFile) -> None:
        known = self._files.pop(file.key, None)
        self._files[file.key] = file
        self._bytes += file.size - (known.size if known else 0)
        TABLE_BYTES.set(self._bytes)

    def _make_room(self) -> None:
        # Most of the time there is room, and then it must cost nothing.
        if self._bytes + self._promised <= self._max_bytes:
            return
        for key in self._leaving():
            self._forget(key)
            if self._bytes + self._promised <= self._max_bytes:
                return

    def _check_disk(self, size: int) -> None:
        """Lets files go where others have filled the disk."""
        leaving = self._leaving()
        while shutil.disk_usage(self._folder).free < size + _SPARE_BYTES:
            key = next(leaving, None)
            if key is None:
                raise Unavailable("CACHE_UNAVAILABLE", "There is no room to work in.", retry_after=30)
            self._forget(key)

    def _leaving(self) -> Iterator[str]:
        """The files that may go, the least recently used first; the last stays, which somebody may be about to use."""
        held = {key for pin in self._pins if pin in self._files for key in (pin, *self._files[pin].needs)} | {
            *self._pins
        }
        yield from [key for key in self._files if key not in held][:-1]

    def _forget(self, key: str) -> None:
        file = self._files.pop(key)
        self._bytes -= file.size
        TABLE_BYTES.set(self._bytes)
        file.path.unlink(missing_ok=True)
        file.path.with_suffix(".json").unlink(missing_ok=True)
