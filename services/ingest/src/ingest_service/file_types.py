"""Which uploads can be tables, by what their sender calls them and by how they begin."""

import re

from service_runtime.errors import InvalidArgument, UnsupportedMediaType

FORMATS = ("csv", "jsonl", "parquet", "xlsx")
# What a type says of the format; empty where it may be any. Form encoding is what curl says of a file where it is told
# nothing; ms-excel is what browsers on Windows say of CSV.
_TYPES = {
    "": "",
    "text/csv": "",
    "text/plain": "",
    "text/tab-separated-values": "",
    "application/csv": "",
    "application/octet-stream": "",
    "application/vnd.ms-excel": "",
    "application/x-www-form-urlencoded": "",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/jsonlines": "jsonl",
    "application/vnd.apache.parquet": "",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "",
    "application/gzip": "",
    "application/x-gzip": "",
    "application/zstd": "",
}
_JSON_LINES_NAME = re.compile(r"\.(jsonl|ndjson)(\.(gz|zst|zstd))?$", re.IGNORECASE)
_BEGINNINGS = (
    (b"%PDF-", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z file"),
)


def check_content_type(content_type: str) -> str:
    """Gives the format that the sender's type says, if any; raises where it is no table."""
    name = content_type.partition(";")[0].strip().lower()
    if name not in _TYPES:
        raise UnsupportedMediaType(
            "UNSUPPORTED_FILE_TYPE",
            "Send CSV, JSON Lines, Parquet or XLSX, as it is or packed by gzip or zstd, as multipart/form-data or as "
            f"its own type or application/octet-stream, not {name[:100]}.",
            type=name[:100],
        )
    return _TYPES[name]


def format_by_name(name: str) -> str:
    """Gives the format where a file's name says one that its bytes may not show."""
    return "jsonl" if _JSON_LINES_NAME.search(name) else ""


def format_by_beginning(data: bytes) -> str:
    """Gives the format that the first bytes show; empty for text."""
    if data.startswith(b"PAR1"):
        return "parquet"
    return "xlsx" if data.startswith(b"PK\x03\x04") else ""


def check_beginning(data: bytes) -> None:
    """Raises where the first bytes are those of another kind of file, or there are none."""
    for beginning, kind in _BEGINNINGS:
        if data.startswith(beginning):
            raise UnsupportedMediaType(
                "UNSUPPORTED_FILE_TYPE",
                f"This is {kind}; CSV, JSON Lines, Parquet and XLSX files can be imported, packed by gzip or zstd too.",
            )
    if not data:
        raise InvalidArgument("EMPTY_FILE", "The file is empty.")
