"""Opens an uploaded file as a table, whatever its format and compression."""

from dataclasses import dataclass
from pathlib import Path

from service_runtime.errors import InvalidArgument

from ingest_service.file_types import format_by_beginning
from ingest_service.reading.compression import compression_of, unpack
from ingest_service.reading.control_letters import with_letters_of_cp1252
from ingest_service.reading.encoding import PreparedText, prepare
from ingest_service.reading.json_lines import JsonLines, looks_like_json_lines
from ingest_service.reading.sniffing import KnownNames
from ingest_service.reading.table import Table
from ingest_service.reading.table_file import TableFile

_BEGINNING = 1 << 16


@dataclass(frozen=True)
class Hints:
    """What the caller says of a file (empty: found from the file), and how large it may be when unpacked.

    With `mends_letters` control characters are read as the letters that they were; posts are kept as they are sent.
    """

    format: str = ""
    delimiter: str = ""
    encoding: str = ""
    sheet: str = ""
    largest: int = 10 * 1024**3
    mends_letters: bool = False


def open_table(source: Path, folder: Path, hints: Hints, known_names: KnownNames) -> tuple[Table, dict[str, str]]:
    """Gives the table and what was found of the file; `folder` takes what must be written to read it.

    `known_names` counts the names in a row that the rows' kind knows, which tells its header.
    """
    found: dict[str, str] = {}
    compression = compression_of(_beginning(source))
    if compression:
        found["compression"] = compression
        source = unpack(source, compression, folder / "unpacked", hints.largest)
    beginning = _beginning(source)
    if compression_of(beginning):
        raise InvalidArgument("UNREADABLE_FILE", "The file is compressed twice.")
    actual = format_by_beginning(beginning)
    if hints.format and (actual or "text") != (hints.format if hints.format in ("parquet", "xlsx") else "text"):
        raise InvalidArgument("WRONG_FORMAT", f"The file is not {hints.format}: it is {actual or 'text'}.")
    if actual == "parquet":
        from ingest_service.reading.parquet_table import ParquetTable

        return ParquetTable(source, hints.largest), {**found, "format": "parquet"}
    if actual == "xlsx":
        # The reader of workbooks takes memory that most imports do not need.
        from ingest_service.reading.workbook import WorkbookTable

        return WorkbookTable(source, hints.sheet, hints.largest, known_names), {**found, "format": "xlsx"}
    text = prepare(source, hints.encoding, folder / "text")
    if hints.format == "jsonl" or (not hints.format and looks_like_json_lines(_beginning(text.path, text.start))):
        return JsonLines(text), {**found, "format": "jsonl"}
    return _delimited(text, folder, hints, known_names), {**found, "format": "csv"}


def _delimited(text: PreparedText, folder: Path, hints: Hints, known_names: KnownNames) -> Table:
    # Who names the encoding, or writes a byte order mark, has every character kept as it is.
    if hints.mends_letters and not hints.encoding and not text.start and text.encoding == "utf-8":
        text = with_letters_of_cp1252(text, folder / "letters")
    return TableFile(text, hints.delimiter, known_names)


def _beginning(path: Path, start: int = 0) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(_BEGINNING)
