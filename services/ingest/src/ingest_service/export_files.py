"""The files of exports: where they lie in the lake, and what they are called where they go out."""

import re
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from ingest_service.export_request import ExportRequest

FOLDER = "exports"
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_LONGEST_NAME = 80


def export_path(export_id: UUID, format_name: str) -> str:
    """Gives the place in the tenant's lake."""
    return f"{FOLDER}/{export_id}.{format_name}"


def content_disposition(request: ExportRequest, created_at: datetime) -> str:
    """Gives the header that names the file: for old readers in plain letters, for others as it is (RFC 6266)."""
    subject = re.sub(r"[^\w.-]+", "-", request.account or request.dataset).strip("-.")[:_LONGEST_NAME]
    stem = "-".join(filter(None, (request.kind, subject, f"{created_at:%Y-%m-%d}")))
    name = f"{stem}.{request.format}"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
