"""Content types of bodies that are files, which the contract's types cannot say."""

_UPLOADS = {
    "/atalaya.ingest.v1.DataService/ImportData": ("text/csv", "application/octet-stream"),
}


def accepted(full_method: str) -> tuple[str, ...]:
    """Lists what an rpc that takes a file accepts; nothing for the others, which take JSON."""
    return _UPLOADS.get(full_method, ())
