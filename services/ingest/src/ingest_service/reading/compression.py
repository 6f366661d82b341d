"""Unpacks gzip and zstd files piece by piece, and stops at what grows too large."""

from pathlib import Path

import pyarrow as pa
from service_runtime.errors import InvalidArgument, PayloadTooLarge

_PIECE = 1 << 20
_BEGINNINGS = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
# Tables shrink to a tenth or a hundredth. Small files may shrink as they like.
_MOST_TIMES = 1000
_UNSUSPECTED = 256 << 20


def compression_of(beginning: bytes) -> str:
    """Gives gzip or zstd by a file's first bytes; empty for others."""
    return next((name for mark, name in _BEGINNINGS if beginning.startswith(mark)), "")


def unpack(source: Path, compression: str, target: Path, largest: int) -> Path:
    """Writes the unpacked bytes to `target`; raises where they are more than `largest`."""
    packed = source.stat().st_size
    size = 0
    try:
        with (
            pa.OSFile(str(source), "rb") as file,
            pa.CompressedInputStream(file, compression) as stream,
            target.open("wb") as unpacked,
        ):
            while piece := stream.read(_PIECE):
                size += len(piece)
                if size > largest:
                    raise PayloadTooLarge("FILE_TOO_LARGE", f"The unpacked file has more than {largest} bytes.")
                if size > max(_UNSUSPECTED, _MOST_TIMES * packed):
                    message = f"The file unpacks to more than {_MOST_TIMES} times its size, as no table does."
                    raise PayloadTooLarge("FILE_TOO_LARGE", message)
                unpacked.write(piece)
    except (OSError, pa.ArrowInvalid) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InvalidArgument(
            "UNREADABLE_FILE", f"The {compression} file is damaged or not whole: {str(error)[:200]}"
        ) from error
    return target
