"""A lake on a file system."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from service_runtime.errors import NotFound, Unavailable
from service_runtime.lake.lake import Lake, StoredObject, changed, checked, checked_prefix
from service_runtime.lake.local_listing import Listing, file_mark

# Names of files that are being written; no reader lists them.
_UNFINISHED = ".unfinished-"
# Folders whose listings one lake remembers.
_MOST_LISTINGS = 64


class LocalLake(Lake):
    """Objects are files below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = str(root)
        self._prefix = f"{root}{os.sep}"
        self.storage_options: dict[str, str] = {}
        self._listings: dict[str, Listing] = {}

    def list(self, prefix: str) -> list[StoredObject]:
        known = self._listings.get(prefix)
        if known is None or not known.still_holds():
            known = self._listed(prefix)
        return [*known.objects]

    def head(self, path: str) -> StoredObject | None:
        with _failures():
            return self._object(self._root / checked(path))

    def read_bytes(self, path: str) -> bytes:
        file = self._root / checked(path)
        with _failures():
            if not file.is_file():
                raise NotFound("OBJECT_NOT_FOUND", "There is no such object in the lake.", path=path)
            return file.read_bytes()

    def read_range(self, path: str, start: int, size: int) -> bytes:
        file = self._root / checked(path)
        with _failures():
            if not file.is_file():
                raise NotFound("OBJECT_NOT_FOUND", "There is no such object in the lake.", path=path)
            with file.open("rb") as content:
                content.seek(start)
                return content.read(size)

    def fetch(self, path: str, target: Path) -> StoredObject:
        found = self._root / checked(path)
        with _failures():
            if not found.is_file():
                raise NotFound("OBJECT_NOT_FOUND", "There is no such object in the lake.", path=path)
            with found.open("rb") as source:
                # Not to the disk: what is lost here can be fetched again.
                _write(target, lambda file: shutil.copyfileobj(source, file, 1024 * 1024), durable=False)
                # Of the file that was copied, whatever has its name by now, and as it was at the end.
                return self._described(str(found), os.fstat(source.fileno()))

    def is_link(self, path: str) -> bool:
        with _failures():
            return (self._root / checked(path)).resolve() != self._root.resolve() / path

    def put_file(self, source: Path, path: str) -> StoredObject:
        with source.open("rb") as data:
            return self._put(path, lambda file: shutil.copyfileobj(data, file, 1024 * 1024))

    def put_over(self, source: Path, path: str, seen: StoredObject | None) -> StoredObject:
        target = self._root / checked(path)

        def copy(file: BinaryIO) -> None:
            with source.open("rb") as data:
                shutil.copyfileobj(data, file, 1024 * 1024)

        @contextmanager
        def unchanged() -> Iterator[None]:
            # Whoever puts over something in this folder takes turns between looking and putting.
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                if _etag(self._object(target)) != _etag(seen):
                    raise changed(path)
                yield
            finally:
                os.close(folder)

        with _failures():
            _write(target, copy, before=unchanged)
            stored = self._object(target)
        if stored is None:
            raise changed(path)
        return stored

    def put_bytes(self, data: bytes, path: str) -> StoredObject:
        return self._put(path, lambda file: file.write(data))

    def delete(self, path: str) -> None:
        with _failures():
            (self._root / checked(path)).unlink(missing_ok=True)

    def delete_below(self, prefix: str) -> int:
        folder = self._root / checked_prefix(prefix)
        with _failures():
            found = sum(len(files) for _, _, files in os.walk(folder))
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
        return found

    def _put(self, path: str, write: Callable[[BinaryIO], object]) -> StoredObject:
        target = self._root / checked(path)
        with _failures():
            _write(target, write)
            stored = self._object(target)
        if stored is None:
            raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.")
        return stored

    def _object(self, file: Path) -> StoredObject | None:
        return self._described(str(file), file.stat()) if file.is_file() else None

    def _listed(self, prefix: str) -> Listing:
        listing = Listing()
        with _failures():
            self._read_below(self._prefix + checked_prefix(prefix), listing)
        listing.objects.sort(key=lambda item: item.path)
        self._listings.pop(prefix, None)
        if listing.can_be_kept() and len(self._listings) < _MOST_LISTINGS:
            self._listings[prefix] = listing
        return listing

    def _read_below(self, folder: str, listing: Listing) -> None:
        # Readers list at every request, and scandir is several times as fast as pathlib.
        try:
            listing.enter(folder)
            entries = os.scandir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        with entries:
            for entry in entries:
                if entry.is_symlink():
                    listing.pass_link()
                if entry.is_dir(follow_symlinks=False):
                    self._read_below(entry.path, listing)
                elif entry.is_file() and not entry.name.startswith(_UNFINISHED):
                    # It may be gone by now.
                    with suppress(FileNotFoundError):
                        facts = entry.stat()
                        listing.meet(entry, facts, self._described(entry.path, facts))

    def _described(self, file: str, facts: os.stat_result) -> StoredObject:
        path = file.removeprefix(self._prefix).replace(os.sep, "/")
        return _stored(path, *file_mark(facts))


@lru_cache(4096)
def _stored(path: str, inode: int, size: int, changed_at: int) -> StoredObject:
    version = f"{inode}-{size}-{changed_at}"
    etag = hashlib.sha256(version.encode()).hexdigest()[:32]
    return StoredObject(path, size, etag, modified=datetime.fromtimestamp(changed_at / 1e9, UTC))


def _etag(found: StoredObject | None) -> str:
    return found.etag if found is not None else ""


def _write(
    target: Path,
    write: Callable[[BinaryIO], object],
    *,
    durable: bool = True,
    before: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Writes a file that appears whole, inside the context `before`, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{_UNFINISHED}{uuid4().hex}")
    try:
        with unfinished.open("xb") as file:
            write(file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        with before():
            unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        message = "The lake refuses access: its folder is not ours to use."
        raise Unavailable("LAKE_UNAVAILABLE", message, retry_after=60, cause="AccessDenied") from error
    except OSError as error:
        raise Unavailable("LAKE_UNAVAILABLE", "The lake is not available at the moment.", retry_after=5) from error
