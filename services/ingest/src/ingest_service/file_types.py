"""Which uploads are delimited text, by what their sender calls them and by how they begin."""

from service_runtime.errors import InvalidArgument, UnsupportedMediaType

# Form encoding is what curl says of a file where it is told nothing; ms-excel is what browsers on Windows say of CSV.
_TAKEN = {
    "",
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/csv",
    "application/octet-stream",
    "application/vnd.ms-excel",
    "application/x-www-form-urlencoded",
}
_BEGINNINGS = (
    (b"PK\x03\x04", "a ZIP or XLSX file"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"%PDF-", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"SQLite format 3", "an SQLite database"),
)


def check_content_type(content_type: str) -> None:
    """Raises where the sender says that it is no CSV."""
    name = content_type.partition(";")[0].strip().lower()
    if name not in _TAKEN:
        raise UnsupportedMediaType(
            "UNSUPPORTED_FILE_TYPE",
            f"Send the file as text/csv or multipart/form-data, not {name[:100]}.",
            type=name[:100],
        )


def check_beginning(data: bytes) -> None:
    """Raises where the first bytes are those of another kind of file, or there are none."""
    for beginning, kind in _BEGINNINGS:
        if data.startswith(beginning):
            raise UnsupportedMediaType("UNSUPPORTED_FILE_TYPE", f"This is {kind}; only CSV files can be imported yet.")
    if not data:
        raise InvalidArgument("EMPTY_FILE", "The file is empty.")
