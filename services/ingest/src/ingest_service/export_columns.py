"""The columns of exports: those that an import takes, by the names that it knows."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from ingest_service.targets import TARGETS, Form

ACCOUNT = "cuenta"
_ARROW: dict[Form, pa.DataType] = {
    "text": pa.string(),
    "count": pa.int32(),
    "percentage": pa.float64(),
    "time": pa.timestamp("us", "UTC"),
    # As text, so that no digit is lost on the way.
    "money": pa.string(),
}


@dataclass(frozen=True)
class Column:
    """A column's name and what its values are."""

    name: str
    form: Form


def record_columns(kind: str) -> list[Column]:
    """Gives the columns of posts, metrics or comments: the account's name, then all that an import takes."""
    return [Column(ACCOUNT, "text"), *(Column(target.name, target.form) for target in TARGETS[kind])]


def transaction_columns() -> list[Column]:
    return [Column(target.name, target.form) for target in TARGETS["transactions"]]


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """Gives the types in which rows travel between a source and a file."""
    return pa.schema([(column.name, _ARROW[column.form]) for column in columns])
