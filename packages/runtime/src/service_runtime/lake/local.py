"""A lake on a file system."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from service_runtime.errors import NotFound, Unavailable
from service_runtime.lake.lake import Lake, StoredObject, checked, checked_prefix

# Names of files that are being written; no reader lists them.
_UNFINISHED = ".unfinished-"


class LocalLake(Lake):
    """Objects are files below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = str(root)
        self.storage_options: dict[str, str] = {}

    def list(self, prefix: str) -> list[StoredObject]:
        with _failures():
            folder = self._root / checked_prefix(prefix)
            found = [self._object(path) for path in folder.rglob("*") if not path.name.startswith(_UNFINISHED)]
        return sorted((item for item in found if item is not None), key=lambda item: item.path)

    def head(self, path: str) -> StoredObject | None:
        with _failures():
            return self._object(self._root / checked(path))

    def read_bytes(self, path: str) -> bytes:
        file = self._root / checked(path)
        with _failures():
            if not file.is_file():
                raise NotFound("OBJECT_NOT_FOUND", "There is no such object in the lake.", path=path)
            return file.read_bytes()

    def fetch(self, path: str, target: Path) -> StoredObject:
        found = self.head(path)
        if found is None:
            raise NotFound("OBJECT_NOT_FOUND", "There is no such object in the lake.", path=path)
        with _failures(), (self._root / path).open("rb") as source:
            _write(target, lambda file: shutil.copyfileobj(source, file, 1024 * 1024))
        return found

    def put_file(self, source: Path, path: str) -> StoredObject:
        with source.open("rb") as data:
            return self._put(path, lambda file: shutil.copyfileobj(data, file, 1024 * 1024))

    def put_bytes(self, data: bytes, path: str) -> StoredObject:
        return self._put(path, lambda file: file.write(data))

    def delete(self, path: str) -> None:
        with _failures():
            (self._root / checked(path)).unlink(missing_ok=True)

    def _put(self, path: str, write: Callable[[BinaryIO], object]) -> StoredObject:
        target = self._root / checked(path)
        with _failures():
            _write(target, write)
            stored = self._object(target)
        if stored is None:
            raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.")
        return stored

    def _object(self, file: Path) -> StoredObject | None:
        if not file.is_file():
            return None
        facts = file.stat()
        # Every put makes a new inode, so equal sizes and times still tell versions apart.
        version = f"{facts.st_ino}-{facts.st_size}-{facts.st_mtime_ns}"
        return StoredObject(
            path=file.relative_to(self._root).as_posix(),
            size=facts.st_size,
            etag=hashlib.sha256(version.encode()).hexdigest()[:32],
            modified=datetime.fromtimestamp(facts.st_mtime, UTC),
        )


def _write(target: Path, write: Callable[[BinaryIO], object]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{_UNFINISHED}{uuid4().hex}")
    try:
        with unfinished.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.", retry_after=5) from error
