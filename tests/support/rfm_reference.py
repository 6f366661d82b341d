"""RFM once more, in pandas from the specification alone."""

from datetime import datetime
from typing import Any

import pandas as pd

from support.journey_reference import rounded
from support.lake_rules import identifier, number, time

MAP = {
    5: ("Nuevos Clientes", "Leales Potenciales", "Leales Potenciales", "Campeones", "Campeones"),
    4: ("Prometedores", "Leales Potenciales", "Leales Potenciales", "Clientes Leales", "Clientes Leales"),
    3: ("A Punto de Dormir", "A Punto de Dormir", "Necesitan Atención", "Clientes Leales", "Clientes Leales"),
    2: ("Hibernando", "Hibernando", "En Riesgo", "En Riesgo", "No se pueden perder"),
    1: ("Perdidos", "Perdidos", "En Riesgo", "En Riesgo", "No se pueden perder"),
}


def customers(raw: pd.DataFrame, now: datetime, *, key: str, when: str, amount: str) -> pd.DataFrame:
    """Each customer's figures, scores and segment, by id."""
    purchases = pd.DataFrame(
        {
            "id": raw[key].map(identifier),
            "time": pd.to_datetime(raw[when].map(time).astype("datetime64[us]")),
            "amount": raw[amount].map(number).astype(float),
        }
    ).dropna()
    purchases = purchases[(purchases["amount"] > 0) & (purchases["time"] <= pd.Timestamp(now.replace(tzinfo=None)))]
    purchases["day"] = purchases["time"].dt.normalize()
    end = purchases["day"].max()
    grouped = purchases.groupby("id")
    table = pd.DataFrame(
        {
            "recencia": (end - grouped["day"].max()).dt.days,
            "frecuencia": grouped["day"].nunique(),
            "monto": grouped["amount"].sum().map(lambda value: rounded(value, 2)),
        }
    )
    table["r"] = score(-table["recencia"])
    table["f"] = score(table["frecuencia"])
    table["m"] = score(table["monto"])
    scores = zip(table["r"].tolist(), table["f"].tolist(), table["m"].tolist(), strict=True)
    table["segmento"] = [MAP[r][(f + m + 1) // 2 - 1] for r, f, m in scores]
    table.attrs["as_of"] = end.date().isoformat()
    return table


def score(figure: pd.Series) -> pd.Series:
    """1 + floor(5 * strictly worse / customers), where less is worse."""
    worse = figure.rank(method="min").astype("int64") - 1
    return 1 + 5 * worse // len(figure)


def segments(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Name, customers, share and means of all eleven, most customers first."""
    found = []
    for name in {name for row in MAP.values() for name in row}:
        group = table[table["segmento"] == name]
        means = [rounded(group[column].mean(), 2) for column in ("recencia", "frecuencia", "monto")]
        found.append((name, len(group), rounded(100 * len(group) / len(table), 1), *means))
    return sorted(found, key=lambda row: (-row[1], row[0]))


def histories(versions: list[pd.DataFrame]) -> dict[str, list[tuple[str, str | None, str | None]]]:
    """Each customer's moves over versions of `customers`, the newest first: date, segment and scores."""
    found: dict[str, list[tuple[str, str | None, str | None]]] = {}
    for table in versions:
        now = {str(row.Index): (str(row.segmento), f"{row.r}{row.f}{row.m}") for row in table.itertuples()}
        for id_cuenta in {*now, *found}:
            segment, scores = now.get(id_cuenta, (None, None))
            moves = found.setdefault(id_cuenta, [])
            if segment != (moves[0][1] if moves else None):
                moves.insert(0, (table.attrs["as_of"], segment, scores))
    return found
