"""RFM scores and segments: the map, the law of the scores, and figures equal to an independent computation."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from analytics_service.duckdb_engine import DuckDbEngine
from analytics_service.query_engine import Query, Row, Source
from analytics_service.reports import sql_text
from analytics_service.segments import SEGMENTS
from atalaya.analytics.v1 import rfm_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st
from support import lake_rules, rfm_reference
from support.analytics_running import NOW, RunningAnalytics
from support.insurance_data import insurance_files
from support.running import refusal

PAYMENTS = "cassandra/pagos/pagos.csv"
TRANSACTIONS = "datavision/transactions/part-1.csv"


async def segments(analytics: RunningAnalytics) -> pb.ListSegmentsResponse:
    return await analytics.rfm.ListSegments(pb.ListSegmentsRequest(), metadata=analytics.viewer)


async def customer(analytics: RunningAnalytics, id_cuenta: str) -> pb.GetCustomerResponse:
    return await analytics.rfm.GetCustomer(pb.GetCustomerRequest(id_cuenta=id_cuenta), metadata=analytics.viewer)


def rows(reply: pb.ListSegmentsResponse) -> list[tuple[Any, ...]]:
    names = ("porcentaje", "recencia_promedio", "frecuencia_promedio", "monto_promedio")
    return [
        (item.segmento, item.clientes, *(getattr(item, name) if item.HasField(name) else None for name in names))  # type: ignore[arg-type]
        for item in reply.segmentos
    ]


async def holds(analytics: RunningAnalytics, expected: pd.DataFrame, sample: int = 40) -> None:
    """Holds all segments and a sample of customers to the reference."""
    reply = await segments(analytics)
    assert rows(reply) == rfm_reference.segments(expected)
    assert (reply.total_clientes, reply.as_of) == (len(expected), expected.attrs["as_of"])
    for row in expected.sample(min(sample, len(expected)), random_state=1).itertuples():
        found = await customer(analytics, str(row.Index))
        got = (
            found.id_cuenta,
            found.recencia,
            found.frecuencia,
            found.monto,
            found.r,
            found.f,
            found.m,
            found.segmento,
        )
        assert got == tuple(row)
        assert found.rfm == f"{row.r}{row.f}{row.m}"
        assert found.beneficios
        assert found.as_of == expected.attrs["as_of"]


@pytest.mark.parametrize("dirty", [False, True])
async def test_payments_are_segmented_as_the_reference_does(analytics: RunningAnalytics, dirty: bool) -> None:
    data = insurance_files(11, dirty=dirty)[PAYMENTS]
    analytics.put(PAYMENTS, data)
    raw = lake_rules.read_csv(data)
    await holds(analytics, rfm_reference.customers(raw, NOW, key="customer_id", when="fecha_pago", amount="monto"))


async def test_transactions_go_before_payments_and_parquet_before_csv(analytics: RunningAnalytics) -> None:
    analytics.put(PAYMENTS, insurance_files(12)[PAYMENTS])
    analytics.put(TRANSACTIONS, "id_cuenta,fecha,monto\nfrom-csv,2024-01-01,5\n")
    assert (await customer(analytics, "from-csv")).frecuencia == 1
    for number in (1, 2):
        part = pa.table(
            {"monto": ["10.5"], "id_cuenta": ["from-parquet"], "fecha": [f"2024-01-0{number}T23:30:00-05:00"]}
        )
        pq.write_table(part, analytics.path(f"datavision/transactions/{number}.parquet"))
    found = await customer(analytics, " from-parquet ")
    assert (found.frecuencia, found.monto, found.as_of) == (2, 21.0, "2024-01-03")
    error = await refusal(customer(analytics, "from-csv"))
    assert (error.http_status, error.reason) == (404, "CUSTOMER_NOT_FOUND")


async def test_real_purchases_are_segmented_as_the_reference_does(
    analytics: RunningAnalytics, shared_data: Path
) -> None:
    file = shared_data / "rfm_cdnow" / "cdnow_master.csv.gz"
    if not file.is_file():
        pytest.skip(f"there is no {file}")
    table = pd.read_csv(file, dtype=str)
    table = table.rename(columns={"customer_id": "id_cuenta", "date": "fecha", "dollar_value": "monto"})
    analytics.put(TRANSACTIONS, table.to_csv(index=False))
    expected = rfm_reference.customers(table, NOW, key="id_cuenta", when="fecha", amount="monto")
    await holds(analytics, expected)
    assert expected.attrs["as_of"] == "1998-06-30"


async def test_purchases_that_do_not_count_play_no_part(analytics: RunningAnalytics) -> None:
    analytics.put(
        TRANSACTIONS,
        "id_cuenta,fecha,monto\n1,2024-01-01,5\n2,2024-02-01,0\n3,2024-02-01,-5\n,2024-02-01,5\n4,,5\n5,2099-01-01,5\n",
    )
    reply = await segments(analytics)
    assert (reply.total_clientes, reply.as_of) == (1, "2024-01-01")
    assert len(reply.segmentos) == len(SEGMENTS) == 11
    empty = reply.segmentos[1]
    assert (empty.clientes, empty.porcentaje, empty.HasField("monto_promedio")) == (0, 0.0, False)


async def test_without_any_purchase_there_is_nobody(analytics: RunningAnalytics) -> None:
    analytics.put(TRANSACTIONS, "id_cuenta,fecha,monto\n")
    reply = await segments(analytics)
    assert (reply.total_clientes, reply.HasField("as_of")) == (0, False)
    assert [item.segmento for item in reply.segmentos] == sorted(segment.name for segment in SEGMENTS)
    assert not any(item.HasField("porcentaje") for item in reply.segmentos)
    assert (await refusal(customer(analytics, "1"))).reason == "CUSTOMER_NOT_FOUND"


async def test_without_files_the_path_is_named(analytics: RunningAnalytics) -> None:
    error = await refusal(segments(analytics))
    assert (error.http_status, error.metadata["path"]) == (404, "datavision/transactions/")
    assert PAYMENTS in error.message


async def test_a_missing_column_is_named(analytics: RunningAnalytics) -> None:
    analytics.put(TRANSACTIONS, "id_cuenta,fecha\n1,2024-01-01\n")
    error = await refusal(segments(analytics))
    assert (error.reason, error.metadata["column"]) == ("COLUMN_MISSING", "monto")


async def test_new_purchases_are_seen_at_the_next_request(analytics: RunningAnalytics) -> None:
    analytics.put(TRANSACTIONS, "id_cuenta,fecha,monto\n1,2024-01-01,5\n")
    assert (await customer(analytics, "1")).monto == 5
    analytics.put(TRANSACTIONS, "id_cuenta,fecha,monto\n1,2024-01-01,5\n1,2024-01-02,6\n")
    assert (await customer(analytics, "1")).monto == 11


async def test_a_purchase_to_come_counts_once_it_has_come(
    analytics: RunningAnalytics, clock: dict[str, datetime]
) -> None:
    analytics.put(TRANSACTIONS, "id_cuenta,fecha,monto\n1,2024-01-01,5\n1,2030-01-01,6\n")
    before = (await customer(analytics, "1")).monto
    clock["now"] = NOW.replace(year=2031)
    assert (before, (await customer(analytics, "1")).monto) == (5, 11)


@asynccontextmanager
async def scoring(folder: Path) -> AsyncIterator[DuckDbEngine]:
    engine = DuckDbEngine(folder, memory_limit="300MB", threads=1, concurrency=2, timeout=60)
    yield engine
    await engine.close()


async def test_each_of_the_125_cells_has_one_segment(tmp_path: Path) -> None:
    # The report's own map and its own join, over every triple of scores.
    scores = [(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)]
    columns = dict(zip(("r", "f", "m"), map(list, zip(*scores, strict=True)), strict=True))
    table = pa.table(
        {"id_cuenta": [f"{r}{f}{m}" for r, f, m in scores], "recencia": [0] * 125, "frecuencia": [1] * 125,
         "monto": [1.0] * 125, **columns}
    )  # fmt: skip
    pq.write_table(table, tmp_path / "cells.parquet")
    sql = sql_text("rfm_customers")
    after_scores = sql[sql.index("segments (r, fm, segmento) AS") :]
    async with scoring(tmp_path) as engine:
        source = Source([tmp_path / "cells.parquet"])
        found = await engine.rows(Query("t", f"WITH {after_scores}", {"scores": source}))
    names = {(row["r"], row["f"], row["m"]): row["segmento"] for row in found}
    assert len(found) == len(names) == 125
    assert names == {(r, f, m): rfm_reference.MAP[r][(f + m + 1) // 2 - 1] for r, f, m in scores}
    assert set(names.values()) == {segment.name for segment in SEGMENTS}


PURCHASES = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 28), st.integers(-100, 5000)), min_size=1, max_size=40
)
Purchase = tuple[int, int, int]


def scored(purchases: list[Purchase], *, later: int = 0, times: int = 1) -> dict[str, Row]:
    """The customers of purchases (who, day, cents), each so many days later and of so many times the money."""
    begin = datetime(2024, 1, 1)  # noqa: DTZ001
    moments = [begin + timedelta(days=day + later) for _, day, _ in purchases]
    table = pa.table(
        {
            "id_cuenta": [str(who) for who, _, _ in purchases],
            "fecha": moments,
            "monto": [cents * times / 100 for _, _, cents in purchases],
        }
    )
    newest = max((when for when, (_, _, cents) in zip(moments, purchases, strict=True) if cents > 0), default=begin)

    async def score() -> list[Row]:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "purchases.parquet"
            pq.write_table(table, file)
            async with scoring(Path(folder)) as engine:
                sources = {"purchases": Source([file])}
                return await engine.rows(Query("t", sql_text("rfm_customers"), sources, {"as_of": newest}))

    return {row["id_cuenta"]: row for row in asyncio.run(score())}


@settings(max_examples=20, deadline=None)
@given(PURCHASES)
def test_scores_keep_their_law(purchases: list[Purchase]) -> None:
    customers = list(scored(purchases).values())
    assert {row["id_cuenta"] for row in customers} == {str(who) for who, _, cents in purchases if cents > 0}
    for figure, score_name, sign in (("recencia", "r", -1), ("frecuencia", "f", 1), ("monto", "m", 1)):
        for row in customers:
            worse = sum(1 for other in customers if other[figure] * sign < row[figure] * sign)
            assert row[score_name] == 1 + 5 * worse // len(customers)
        # So equals score alike, the worst scores 1, and who is better never scores worse.
        ordered = sorted(customers, key=lambda row: row[figure] * sign)
        marks = [row[score_name] for row in ordered]
        assert marks == sorted(marks)
        assert marks[:1] in ([], [1])
        for one, other in itertools.pairwise(ordered):
            assert one[figure] != other[figure] or one[score_name] == other[score_name]


@settings(max_examples=12, deadline=None)
@given(PURCHASES, st.integers(1, 400), st.integers(2, 9))
def test_scores_do_not_depend_on_the_calendar_or_the_currency(
    purchases: list[Purchase], later: int, times: int
) -> None:
    before, after = scored(purchases), scored(purchases, later=later, times=times)
    assert before.keys() == after.keys()
    for id_cuenta, row in before.items():
        for name in ("recencia", "frecuencia", "r", "f", "m", "segmento"):
            assert after[id_cuenta][name] == row[name], name
        assert after[id_cuenta]["monto"] == pytest.approx(row["monto"] * times)


@settings(max_examples=12, deadline=None)
@given(PURCHASES, st.integers(1, 12))
def test_who_buys_once_more_today_falls_in_no_score(purchases: list[Purchase], who: int) -> None:
    before, after = scored(purchases), scored([*purchases, (who, 28, 1000)])
    for name in ("f", "m"):
        if (known := before.get(str(who))) is not None:
            assert after[str(who)][name] >= known[name]
    assert after[str(who)]["recencia"] == 0
