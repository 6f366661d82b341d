"""What each report reads: its SQL, its datasets with the columns it cannot do without, and those that may be absent."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

from analytics_service.datasets import AUDIT, CLAIMS, CLIENTS, PAYMENTS, POLICIES, USERS, Dataset


@dataclass(frozen=True)
class Input:
    """A dataset as a report uses it; its SQL may ask for an `optional` column by `$<table>_has_<column>`.

    Of the optional columns in `any_of` the report needs at least one.
    """

    dataset: Dataset
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Times:
    """The times of a dataset that a report counts by: of each row the first of these columns that it has."""

    dataset: Dataset
    columns: tuple[str, ...]


@dataclass(frozen=True)
class LookUp:
    """A table made of `datasets` by the .sql file `name`, which knows nothing of as_of; kept for their versions.

    It may read look-ups that stand before it and are made of no other datasets: the fewer a look-up has, the fewer
    changes make it again.
    """

    name: str
    datasets: tuple[Dataset, ...]

    @property
    def table(self) -> str:
        """What the reports' SQL calls it."""
        return self.name.rpartition("/")[2]

    def may_read(self, other: "LookUp") -> bool:
        """Whether it can be made of `other` too, if that stands before it."""
        return set(other.datasets) <= set(self.datasets)


@dataclass(frozen=True)
class Report:
    """A report: `name` is its .sql file; without `times` it has no as_of of its own, legacy no issues.

    What it needs of datasets that do not change each time can be in its `look_ups`.
    """

    name: str
    inputs: tuple[Input, ...]
    times: tuple[Times, ...] = ()
    look_ups: tuple[LookUp, ...] = ()
    is_legacy: bool = False

    @property
    def datasets(self) -> list[Dataset]:
        return [item.dataset for item in self.inputs]


@cache
def sql_text(name: str) -> str:
    """The text of one of the package's .sql files."""
    return resources.files("analytics_service").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


# A policy's date is the first of these that its row has; the customer journey has an order of its own.
POLICY_DATES = ("start_date", "issue_date", "created_at")
JOURNEY_DATES = ("created_at", "start_date", "issue_date")

REGISTRATIONS = Times(USERS, ("created_at",))
POLICY_TIMES = Times(POLICIES, POLICY_DATES)
CLAIM_TIMES = Times(CLAIMS, ("fecha_reclamo",))
PAYMENT_TIMES = Times(PAYMENTS, ("fecha_pago",))
AUDIT_TIMES = Times(AUDIT, ("timestamp",))

POLICY_CLAIMS = LookUp("look_ups/policy_claims", (CLAIMS,))

CLAIM_STATS = Report("claim_stats", (Input(CLAIMS, ("estado",)),), is_legacy=True)
AVERAGE_PAYMENT = Report("average_payment", (Input(PAYMENTS, ("monto",)),), is_legacy=True)
TOP_SERVICES = Report("top_services", (Input(AUDIT, ("servicio",)),), is_legacy=True)
CUSTOMER_JOURNEY = Report(
    "customer_journey",
    (
        Input(USERS, ("id", "state", "created_at")),
        Input(CLIENTS, ("user_id",), ("id", "created_at")),
        Input(POLICIES, ("policy_number", "customer_id"), POLICY_DATES),
        Input(CLAIMS, ("policy_number", "fecha_reclamo")),
    ),
    (REGISTRATIONS, Times(POLICIES, JOURNEY_DATES), CLAIM_TIMES),
    (
        LookUp("look_ups/journey_people", (USERS, CLIENTS)),
        LookUp("look_ups/journey_members", (USERS, CLIENTS)),
        LookUp("look_ups/journey_clients", (USERS, CLIENTS, POLICIES)),
        LookUp("look_ups/journey_states", (USERS, CLIENTS, POLICIES)),
        LookUp("look_ups/journey_contracts", (USERS, CLIENTS, POLICIES)),
        POLICY_CLAIMS,
    ),
)
