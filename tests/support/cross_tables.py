"""The datasets as the references of the cross reports see them: values, and what a key looks up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from support.journey_reference import smallest
from support.lake_rules import bad_values, boolean, identifier, number, read_lake, text, time

APPROVED = {"APROBADO", "APROBADA", "APPROVED"}
PARSERS = {
    **dict.fromkeys(("id", "user_id", "customer_id", "agent_id", "product_id", "policy_number"), identifier),
    **dict.fromkeys(("premium", "sum_insured", "monto"), number),
    **dict.fromkeys(("created_at", "birth_date", "start_date", "issue_date", "fecha_reclamo"), time),
    "is_active": boolean,
}
UPPER = ("state", "estado", "product_type")


class Lake:
    """One tenant's datasets, read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._raw: dict[str, pd.DataFrame] = {}

    def raw(self, dataset: str) -> pd.DataFrame:
        if dataset not in self._raw:
            self._raw[dataset] = read_lake(self._folder, dataset)
        return self._raw[dataset]

    @cached_property
    def users(self) -> pd.DataFrame:
        """Each user once."""
        return smallest(self._table("mysql/users", "id state"), "id")

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Each client once, by the key that policies name."""
        clients = self._table("mysql/clients", "id user_id first_name last_name birth_date state")
        key = "id" if "id" in self.raw("mysql/clients") else "user_id"
        return smallest(clients.assign(key=clients[key]), "key")

    @cached_property
    def state_of_customer(self) -> dict[str, str]:
        """The user's state, else the client's own, else UNKNOWN."""
        of_user = self.customers["user_id"].map(self.users["state"])
        states = zip(self.customers.index, of_user, self.customers["state"], strict=True)
        return {key: next((s for s in (user, own) if isinstance(s, str)), "UNKNOWN") for key, user, own in states}

    @cached_property
    def agents(self) -> pd.DataFrame:
        """Each agent once."""
        return smallest(self._table("mysql/agents", "id code first_name last_name is_active"), "id")

    @cached_property
    def products(self) -> pd.DataFrame:
        """Each product once."""
        return smallest(self._table("postgresql/products", "id product_type"), "id")

    @cached_property
    def policies(self) -> pd.DataFrame:
        """Every row, with the policy's date."""
        columns = "policy_number customer_id agent_id product_id premium sum_insured start_date issue_date created_at"
        table = self._table("postgresql/policies", columns)
        return table.assign(date=table["start_date"].fillna(table["issue_date"]).fillna(table["created_at"]))

    @cached_property
    def contracts(self) -> pd.DataFrame:
        """Each policy number once."""
        return smallest(self.policies, "policy_number")

    @cached_property
    def claims(self) -> pd.DataFrame:
        return self._table("cassandra/reclamos", "policy_number estado monto fecha_reclamo")

    def _table(self, dataset: str, columns: str) -> pd.DataFrame:
        raw = self.raw(dataset)
        return pd.DataFrame({name: _values(raw, name) for name in columns.split()})


def _values(raw: pd.DataFrame, name: str) -> pd.Series:
    missing = pd.Series([None] * len(raw), index=raw.index, dtype=object)
    values = raw.get(name, missing).map(PARSERS.get(name, text))
    if name in UPPER:
        return pd.Series([v.upper() if isinstance(v, str) else None for v in values], index=raw.index, dtype=object)
    if PARSERS.get(name) is time:
        return pd.to_datetime(values.astype("datetime64[us]"))
    return values.astype(object).astype(float) if PARSERS.get(name) is number else values.astype(object)


def as_of_or_newest(as_of: datetime | None, now: datetime, times: Sequence[pd.Series]) -> datetime:
    """What was asked for, else the newest of the times not after the clock, else the clock; in UTC without zone."""
    clock = pd.Timestamp(now.replace(tzinfo=None))
    if as_of is not None:
        return as_of.replace(tzinfo=None)
    past = [values[values <= clock].max() for values in times]
    newest = max((value for value in past if not pd.isna(value)), default=clock.floor("s"))
    return pd.Timestamp(newest).to_pydatetime()


def issues_of(data: Lake, columns: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """How many values are there and do not parse, by dataset and column."""
    return [
        {"dataset": dataset, "column": name, "bad_values": bad}
        for dataset in sorted(columns)
        for name in sorted(columns[dataset])
        if name in data.raw(dataset) and (bad := bad_values(data.raw(dataset)[name], PARSERS[name]))
    ]
