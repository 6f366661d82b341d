"""Content types of bodies that are files, which the contract's types cannot say."""

_UPLOADS = {
    "/atalaya.ingest.v1.DataService/ImportData": (
        "text/csv",
        "application/x-ndjson",
        "application/vnd.apache.parquet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/gzip",
        "application/zstd",
        "application/octet-stream",
    ),
}


_DOWNLOADS = {
    "/atalaya.ingest.v1.DataService/DownloadRejectedRows": ("text/csv",),
    "/atalaya.ingest.v1.ExportsService/DownloadExport": (
        "text/csv",
        "application/x-ndjson",
        "application/vnd.apache.parquet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}


def accepted(full_method: str) -> tuple[str, ...]:
    """Lists what an rpc that takes a file accepts; nothing for the others, which take JSON."""
    return _UPLOADS.get(full_method, ())


def produced(full_method: str) -> tuple[str, ...]:
    """Lists what an rpc that gives a file may give; nothing for the others, which give JSON."""
    return _DOWNLOADS.get(full_method, ())
