"""What a lake offers, wherever it lies; functions block, so call them by asyncio.to_thread."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from service_runtime.errors import InvalidArgument, Unavailable

# No byte that is not UTF-8 either, which file systems take and nothing else does.
_PART = re.compile(r"[^\x00-\x1f\\/\ud800-\udfff]{1,255}")


@dataclass(frozen=True)
class StoredObject:
    """One object; `path` is relative to the tenant's lake, `etag` changes with the content."""

    path: str
    size: int
    etag: str
    modified: datetime


class Lake(ABC):
    """One tenant's bulk data. Paths are relative and use `/`; what would lead outside is refused."""

    # Root of the tenant's lake, as in s3://bucket/prefix/tenant=…
    url: str
    # What deltalake needs to reach it.
    storage_options: dict[str, str]

    @abstractmethod
    def list(self, prefix: str) -> list[StoredObject]:
        """Lists all objects below a folder (`""`: all), by path."""

    @abstractmethod
    def head(self, path: str) -> StoredObject | None:
        """Tells about an object; None where there is none."""

    @abstractmethod
    def read_bytes(self, path: str) -> bytes:
        """Reads an object; NotFound OBJECT_NOT_FOUND where there is none."""

    @abstractmethod
    def read_range(self, path: str, start: int, size: int) -> bytes:
        """Reads so many bytes of an object from a place on; fewer where it ends before."""

    @abstractmethod
    def fetch(self, path: str, target: Path) -> StoredObject:
        """Copies an object to a local file, which appears whole or not at all."""

    @abstractmethod
    def put_file(self, source: Path, path: str) -> StoredObject:
        """Stores a local file; readers see the old object or the new one, never a part."""

    @abstractmethod
    def put_over(self, source: Path, path: str, seen: StoredObject | None) -> StoredObject:
        """Stores a local file in the place of the object that was seen there, or of none; raises Unavailable
        LAKE_OBJECT_CHANGED, and changes nothing, where another writer came between."""

    @abstractmethod
    def put_bytes(self, data: bytes, path: str) -> StoredObject:
        """Stores bytes in the same way."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Deletes an object; nothing happens where there is none."""

    @abstractmethod
    def delete_below(self, prefix: str) -> int:
        """Deletes everything below a folder (`""`: all), also what is unfinished and what a store keeps of deleted
        objects; gives how many there were. What is written meanwhile may stay."""

    def is_link(self, path: str) -> bool:
        """Tells whether a link stands on the way to an object, so that it may lie elsewhere. Only disks have any."""
        checked(path)
        return False

    def delta_url(self, path: str) -> str:
        """Gives the URL of a Delta table."""
        return f"{self.url}/{checked(path)}"


def checked(path: str) -> str:
    """Gives the path back where each part is a plain name; one folder up and absolute paths are refused."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or not _PART.fullmatch(part) for part in parts):
        raise InvalidArgument("BAD_LAKE_PATH", "The path does not name an object of the lake.")
    return path


def checked_prefix(prefix: str) -> str:
    """Checks the folder to list and gives it with its closing slash; empty for all."""
    return f"{checked(prefix.rstrip('/'))}/" if prefix.rstrip("/") else ""


def changed(path: str) -> Unavailable:
    """Gives the error of a writer that came second; what it does may be done again from the start."""
    return Unavailable("LAKE_OBJECT_CHANGED", "Another writer came between.", retry_after=1, path=path)
