"""The datasets of the lake: where each lies and which columns the reports may read, with their kinds."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How the texts of a column are read."""

    ID = "id"
    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "boolean"

    @property
    def can_fail(self) -> bool:
        """Whether a text may be there that does not parse."""
        return self in (Kind.NUMBER, Kind.TIME, Kind.BOOLEAN)


@dataclass(frozen=True)
class Column:
    """A column that reports may read; `keep_text` keeps the trimmed text beside the value, to count distinct ones."""

    name: str
    kind: Kind
    keep_text: bool = False


@dataclass(frozen=True)
class Dataset:
    """A dataset of the lake: `name` as in `mysql/users`, its table's name in SQL, and the columns that reports read.

    Columns that no report reads, such as the ids of claims and payments, are not kept: they are half of their bytes.
    """

    name: str
    table: str
    columns: tuple[Column, ...]

    @property
    def folder(self) -> str:
        return f"{self.name}/"

    @property
    def path(self) -> str:
        """The documented place, which a reply names where nothing is there."""
        return self.folder if self.name == "datavision/transactions" else f"{self.name}/{self.name.split('/')[1]}.csv"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def _columns(*, keep_text: bool = False, **kinds: str) -> tuple[Column, ...]:
    return tuple(
        Column(name, kind, keep_text and kind.can_fail)
        for value, names in kinds.items()
        for kind in [Kind(value)]
        for name in names.split()
    )


USERS = Dataset(
    "mysql/users",
    "users",
    _columns(id="id", text="username email role phone state city", time="created_at", keep_text=True),
)
CLIENTS = Dataset(
    "mysql/clients",
    "clients",
    _columns(
        id="user_id id",
        text="first_name last_name document_type gender state",
        time="birth_date created_at",
        keep_text=True,
    ),
)
AGENTS = Dataset(
    "mysql/agents", "agents", _columns(id="id", text="code first_name last_name", boolean="is_active", keep_text=True)
)
CLIENT_BENEFICIARIES = Dataset(
    "mysql/beneficiaries",
    "client_beneficiaries",
    _columns(id="client_id", text="relationship", time="birth_date", keep_text=True),
)
PRODUCTS = Dataset(
    "postgresql/products",
    "products",
    _columns(id="id", text="code name product_type description", number="base_premium"),
)
POLICIES = Dataset(
    "postgresql/policies",
    "policies",
    _columns(
        id="id policy_number customer_id agent_id product_id",
        text="status",
        number="premium sum_insured",
        time="start_date issue_date created_at end_date",
    ),
)
COVERAGES = Dataset(
    "postgresql/policy_coverage",
    "policy_coverage",
    _columns(id="policy_id", text="coverage_name", number="coverage_limit deductible"),
)
POLICY_BENEFICIARIES = Dataset(
    "postgresql/beneficiaries",
    "policy_beneficiaries",
    _columns(id="policy_id client_id", text="full_name relationship"),
)
CLAIMS = Dataset(
    "cassandra/reclamos",
    "reclamos",
    _columns(id="policy_number", text="estado", number="monto", time="fecha_reclamo"),
)
PAYMENTS = Dataset(
    "cassandra/pagos",
    "pagos",
    _columns(id="customer_id", text="metodo_pago", number="monto", time="fecha_pago"),
)
AUDIT = Dataset(
    "cassandra/transaction_audit",
    "transaction_audit",
    _columns(id="user_id", text="servicio operacion", time="timestamp"),
)
TRANSACTIONS = Dataset(
    "datavision/transactions", "transactions", _columns(id="id_cuenta", number="monto", time="fecha")
)

# The eleven datasets that /data/info and /health speak of, in the documented order.
INSURANCE = (
    USERS, CLIENTS, AGENTS, CLIENT_BENEFICIARIES,
    PRODUCTS, POLICIES, COVERAGES, POLICY_BENEFICIARIES,
    CLAIMS, PAYMENTS, AUDIT,
)  # fmt: skip
