"""Content types of bodies that are files, which the contract's types cannot say."""

from atalaya_gateway.typed import JsonObject

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

_SOURCE_URI: JsonObject = {
    "schema": {
        "type": "object",
        "required": ["source_uri"],
        "properties": {
            "source_uri": {"type": "string", "description": "A file in your own lake, by its file:// or s3:// URI."}
        },
        "additionalProperties": False,
    },
    "example": {"source_uri": "s3://lake/tenant=6e1f1b4e-5f0b-4a83-9c57-3c9f0d5f2a11/incoming/posts.csv"},
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


def instead_of_a_file(full_method: str) -> JsonObject:
    """Gives the body of JSON that an rpc that takes a file takes instead of one."""
    return {"application/json": _SOURCE_URI} if full_method in _UPLOADS else {}


def produced(full_method: str) -> tuple[str, ...]:
    """Lists what an rpc that gives a file may give; nothing for the others, which give JSON."""
    return _DOWNLOADS.get(full_method, ())
