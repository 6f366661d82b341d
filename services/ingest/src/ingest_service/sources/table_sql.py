"""The pieces of DuckDB's SQL by which a reading becomes a table: names and types come from catalogs, and are quoted."""

import re
from collections.abc import Sequence
from pathlib import Path

from ingest_service.sources.table import Column

# A row longer than that is refused by DuckDB's reader, which sets aside several times as much.
LONGEST_ROW = 8_000_000


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def read_staged(file: Path, width: int) -> str:
    """Reads a reading's file: cells c0, c1 … as texts, where nothing is NULL and "" an empty text."""
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(width))
    return f"read_csv({_options(file)}, header = false, columns = {{{columns}}})"


def read_csv(file: Path, names: Sequence[str]) -> str:
    """Reads a table of the lake with these columns as texts."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return f"read_csv({_options(file)}, header = true, columns = {{{columns}}})"


def _options(file: Path) -> str:
    return (
        f"{literal(str(file))}, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
        f"allow_quoted_nulls = false, strict_mode = true, max_line_size = {LONGEST_ROW}, compression = 'none', "
        f"buffer_size = {2 * LONGEST_ROW}"
    )


def fits(cell: str, column_type: str) -> str:
    """Tells whether a text is a value of a type and stays the same as one; a cast alone would round."""
    if column_type in ("VARCHAR", "BLOB"):
        return "true"
    cast = f"TRY_CAST({cell} AS {column_type}) IS NOT NULL"
    if column_type.endswith(("INT", "INTEGER")):
        return f"(regexp_full_match({cell}, '[+-]?[0-9]+') AND {cast})"
    if decimal := re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", column_type):
        plain = rf"[+-]?[0-9]*([.][0-9]{{0,{decimal[1]}}}0*)?"
        return f"(regexp_full_match({cell}, '{plain}') AND {cast})"
    if column_type == "DATE":
        return f"(regexp_full_match({cell}, '[0-9]{{4,}}-[0-9]{{2}}-[0-9]{{2}}') AND {cast})"
    return cast


def typed(cell: str, column: Column) -> str:
    """Gives a text as a value of the column's type."""
    if column.type == "VARCHAR":
        return cell
    return f"unhex({cell})" if column.type == "BLOB" else f"CAST({cell} AS {column.type})"


def texted(value: str, column_type: str) -> str:
    """Gives a value as the text that the readers of sources give it."""
    if column_type == "BLOB":
        return f"lower(hex({value}))"
    return f"CAST({value} AS VARCHAR)"


def alike(cell: str, column_type: str) -> str:
    """Gives a text by which equal values are equal, however each was written: 1.50 and 1.5, with and without zeros."""
    if column_type in ("VARCHAR", "BLOB"):
        return cell
    return f"coalesce(CAST(TRY_CAST({cell} AS {column_type}) AS VARCHAR), {cell})"
