"""The insurer's tables in each database: names as the lake documents them, types as the databases have them."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from local_suite.demo.people import Table

DATABASE = "primac"
# By database and table: columns and what they hold; `key` is the number of the row.
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "mysql/users": {"id": "key", "username": "text", "email": "text", "role": "text", "phone": "text", "state": "text",
                    "city": "text", "created_at": "moment"},
    "mysql/clients": {"id": "key", "user_id": "number", "first_name": "text", "last_name": "text",
                      "document_type": "text", "birth_date": "day", "gender": "text", "state": "text",
                      "created_at": "moment"},
    "mysql/agents": {"id": "key", "code": "text", "first_name": "text", "last_name": "text", "is_active": "truth"},
    "mysql/beneficiaries": {"id": "key", "client_id": "number", "relationship": "text", "birth_date": "day"},
    "postgresql/products": {"id": "key", "code": "text", "name": "text", "product_type": "text",
                            "base_premium": "money", "description": "text"},
    "postgresql/policies": {"id": "key", "policy_number": "text", "customer_id": "number", "agent_id": "number",
                            "product_id": "number", "premium": "money", "sum_insured": "money", "status": "text",
                            "start_date": "day", "end_date": "day"},
    "postgresql/policy_coverage": {"id": "key", "policy_id": "number", "coverage_name": "text",
                                   "coverage_limit": "money", "deductible": "money"},
    "postgresql/beneficiaries": {"id": "key", "policy_id": "number", "client_id": "number", "full_name": "text",
                                 "relationship": "text"},
    "cassandra/reclamos": {"id": "key", "policy_number": "text", "estado": "text", "monto": "money",
                           "fecha_reclamo": "moment"},
    "cassandra/pagos": {"id": "key", "customer_id": "number", "policy_number": "text", "monto": "money",
                        "metodo_pago": "text", "fecha_pago": "moment"},
    "cassandra/transaction_audit": {"id": "key", "timestamp": "moment", "servicio": "text", "operacion": "text",
                                    "user_id": "number"},
}  # fmt: skip
TYPES: Mapping[str, Mapping[str, str]] = {
    "mysql": {"key": "INT PRIMARY KEY", "number": "INT", "text": "VARCHAR(200)", "money": "DECIMAL(14,2)",
              "day": "DATE", "moment": "TIMESTAMP NULL", "truth": "BOOLEAN"},
    "postgresql": {"key": "integer PRIMARY KEY", "number": "integer", "text": "text", "money": "numeric(14,2)",
                   "day": "date", "moment": "timestamptz", "truth": "boolean"},
    "cassandra": {"key": "int PRIMARY KEY", "number": "int", "text": "text", "money": "decimal", "day": "date",
                  "moment": "timestamp", "truth": "boolean"},
}  # fmt: skip
_TRUE = ("true", "t", "yes", "y", "si", "sí", "1")


def tables_of(kind: str) -> dict[str, Mapping[str, str]]:
    """Gives the tables of a database by their names."""
    return {name.partition("/")[2]: columns for name, columns in COLUMNS.items() if name.startswith(f"{kind}/")}


def rows_of(name: str, table: Table) -> Iterator[tuple[Any, ...]]:
    """Gives a generated table's rows as its columns take them: what is no value of its column is missing."""
    columns = COLUMNS[name]
    there, rows = table
    places = {column: there.index(column) for column in columns if column in there}
    for number, row in enumerate(rows, 1):
        yield tuple(
            number if kind == "key" and column not in places else _value(kind, row[places[column]])
            for column, kind in columns.items()
        )


def _value(kind: str, value: object) -> Any:
    text = str(value).strip()
    try:
        if kind == "text":
            return str(value) or None
        if kind == "truth":
            return text.lower() in _TRUE if text else None
        if kind == "money":
            return Decimal(text).quantize(Decimal("0.01")) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
        if kind == "day":
            return date.fromisoformat(text)
        if kind == "moment":
            return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
        return int(text)
    except ValueError:
        return None
