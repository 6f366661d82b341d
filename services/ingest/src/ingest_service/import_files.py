"""Where the lake keeps the file of an import until it is done."""

from uuid import UUID

FOLDER = "imports"


def upload_path(import_id: UUID) -> str:
    """Gives the place in the tenant's lake; the name says nothing of the format."""
    return f"{FOLDER}/{import_id}.csv"


def id_in(path: str) -> UUID | None:
    """Gives the id by which a file of an import or an export is named; None where it is named otherwise."""
    try:
        return UUID(path.rpartition("/")[2].partition(".")[0])
    except ValueError:
        return None
