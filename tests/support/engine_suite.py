"""What every query engine must do alike: one suite for DuckDB, for Athena on a stand-in, and for Athena on Trino."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from analytics_service.datasets import CLAIMS, USERS
from analytics_service.query_engine import Query, QueryFailed, Row, TooManyRows
from pyarrow import parquet

from support.athena_running import House

CLAIMS_FILE = "cassandra/reclamos/reclamos.csv"
CLAIMS_CSV = b"""policy_number,estado,monto,fecha_reclamo
1,"ap""ro,
bado",10.5,2024-01-02T03:04:05.250
2,,,
3,\xc3\xb1 P,-1e3,0001-02-03
4,nan,nan,2024-02-30
"""


async def ask(house: House, sql: str, **parameters: object) -> list[Row]:
    """Runs a text over the tenant's claims."""
    tables = await house.sources(CLAIMS)
    return await house.engines.reports.rows(Query(str(house.tenant_id), sql, tables, parameters))


class EngineSuite:
    """Each module that subclasses it says by the fixture `running` which engine it is about."""

    @pytest.fixture
    def house(self, running: House) -> House:
        """The running house for a tenant of the test's own, whose claims are in its lake."""
        house = running.of(uuid4())
        house.lake.put_bytes(CLAIMS_CSV, CLAIMS_FILE)
        return house

    async def test_values_come_typed_and_none_is_none(self, house: House) -> None:
        sql = "SELECT policy_number, estado, monto, fecha_reclamo, monto_bad FROM reclamos ORDER BY 1"
        assert [list(row.values()) for row in await ask(house, sql)] == [
            ["1", 'ap"ro,\nbado', 10.5, datetime(2024, 1, 2, 3, 4, 5, 250_000), False],  # noqa: DTZ001
            ["2", None, None, None, False],
            ["3", "ñ P", -1000.0, datetime(1, 2, 3), False],  # noqa: DTZ001
            ["4", "nan", None, None, True],
        ]

    async def test_an_empty_text_is_not_a_missing_one(self, house: House) -> None:
        sql = """
            SELECT
                '' AS empty, CAST(NULL AS VARCHAR) AS missing, count(*) AS claims, CAST(1.5 AS DECIMAL(10, 2)) AS exact,
                CAST(min(fecha_reclamo) AS DATE) AS day, count(*) > 3 AS many
            FROM reclamos
        """
        (row,) = await ask(house, sql)
        assert row == {
            "empty": "",
            "missing": None,
            "claims": 4,
            "exact": Decimal("1.50"),
            "day": date(1, 2, 3),
            "many": True,
        }

    async def test_parameters_are_bound_wherever_they_stand(self, house: House) -> None:
        sql = """
            WITH late AS (SELECT policy_number FROM reclamos WHERE fecha_reclamo > $after),
            named AS (SELECT policy_number FROM reclamos WHERE estado = $estado OR $all)
            SELECT
                (SELECT count(*) FROM late) AS late,
                (SELECT count(*) FROM named) AS named,
                count(*) FILTER (WHERE monto > $least OR estado = $estado) AS counted
            FROM reclamos
        """
        after = datetime(2024, 1, 2, 3, 4, 5, 249_000)  # noqa: DTZ001
        asked: dict[str, Any] = {"after": after, "estado": "?' OR '1'='1", "least": 3, "all": False}
        assert await ask(house, sql, **asked) == [{"late": 1, "named": 0, "counted": 1}]
        assert await ask(house, sql, **asked | {"all": True, "estado": "nan"}) == [
            {"late": 1, "named": 4, "counted": 2}
        ]

    @pytest.mark.parametrize(
        ("value", "digits", "rounded"),
        [
            ("1.005", 2, 1.01),
            ("-2.5", 0, -3.0),
            ("0.125", 2, 0.13),
            ("1e300", 2, 1e300),
            ("1e308 * monto", 2, None),
            # Amounts that add up to 20749097.495 make this as doubles.
            ("20749097.49499999", 2, 20749097.5),
            ("-1000000000.005", 2, -1000000000.01),
            ("20749097.4949", 2, 20749097.49),
        ],
    )
    async def test_halves_are_rounded_away_from_zero(
        self, house: House, value: str, digits: int, rounded: float | None
    ) -> None:
        one = "FROM reclamos WHERE policy_number = '1'"
        sql = f"SELECT round_half_away(CAST({value} AS DOUBLE), {digits}) AS rounded {one}"
        assert await ask(house, sql) == [{"rounded": rounded}]

    async def test_a_division_is_never_whole(self, house: House) -> None:
        some = "FROM reclamos WHERE policy_number IN ('1', '2', '3')"
        sql = f"SELECT CAST(count(*) AS DOUBLE) / nullif(count(*) - 1, 0) AS part {some}"
        assert await ask(house, sql) == [{"part": 1.5}]

    async def test_a_large_answer_comes_whole_and_in_order(self, house: House) -> None:
        lines = [f"{number:06d},,{number}.25,2024-01-01" for number in range(2500)]
        house.lake.put_bytes("\n".join([CLAIMS_CSV.splitlines()[0].decode(), *lines]).encode(), CLAIMS_FILE)
        rows = await ask(
            house, "SELECT policy_number AS id, estado, monto, fecha_reclamo AS moment FROM reclamos ORDER BY 1 DESC"
        )
        assert [row["id"] for row in rows] == [f"{number:06d}" for number in reversed(range(2500))]
        assert rows[0] == {"id": "002499", "estado": None, "monto": 2499.25, "moment": datetime(2024, 1, 1)}  # noqa: DTZ001

    @pytest.mark.parametrize("most", [3, 1700])
    async def test_an_answer_of_more_rows_than_its_query_may_have_is_refused(self, house: House, most: int) -> None:
        lines = [f"{number},,," for number in range(most)]
        house.lake.put_bytes("\n".join([CLAIMS_CSV.splitlines()[0].decode(), *lines]).encode(), CLAIMS_FILE)
        sql, tables = "SELECT policy_number FROM reclamos", await house.sources(CLAIMS)
        query = Query(str(house.tenant_id), sql, tables, most_rows=most)
        assert len(await house.engines.reports.rows(query)) == most
        with pytest.raises(TooManyRows):
            await house.engines.reports.rows(replace(query, most_rows=most - 1))

    async def test_an_answer_is_written_in_order_with_its_types(self, house: House, tmp_path: Path) -> None:
        sql = """
            SELECT policy_number AS id, estado, monto, fecha_reclamo, CAST(1 AS INTEGER) AS one
            FROM reclamos ORDER BY 1
        """
        tables = await house.sources(CLAIMS)
        target = house.settings.analytics_cache_folder / "written.parquet"
        await house.engines.reports.write(Query(str(house.tenant_id), sql, tables), target)
        written = parquet.read_table(target)
        assert [str(field.type) for field in written.schema] == ["string", "string", "double", "timestamp[us]", "int32"]
        assert [row["id"] for row in written.to_pylist()] == ["1", "2", "3", "4"]
        assert written.to_pylist()[0]["estado"] == 'ap"ro,\nbado'
        assert written.to_pylist()[1]["estado"] is None

    async def test_a_text_that_cannot_run_is_said_to_fail(self, house: House) -> None:
        with pytest.raises(QueryFailed):
            await ask(house, "SELECT no_such_column FROM reclamos")

    async def test_parts_are_one_table(self, house: House) -> None:
        house.lake.put_bytes(b"MONTO,estado\n7,9\n", "cassandra/reclamos/more.csv")
        assert await ask(house, "SELECT sum(monto) AS total, count(*) AS claims FROM reclamos") == [
            {"total": -982.5, "claims": 5}
        ]

    async def test_a_changed_file_is_seen_at_the_next_query(self, house: House) -> None:
        sql = "SELECT count(*) AS claims FROM reclamos"
        assert await ask(house, sql) == [{"claims": 4}]
        house.lake.put_bytes(b"estado\n1\n", CLAIMS_FILE)
        assert await ask(house, sql) == [{"claims": 1}]

    async def test_columns_may_have_other_names(self, house: House) -> None:
        opened = await house.tables.open(house.tenant_id, [CLAIMS])
        renamed = {"id_cuenta": "policy_number", "monto": "monto", "fecha": "fecha_reclamo"}
        query = Query(
            str(house.tenant_id),
            "SELECT id_cuenta, monto, fecha FROM purchases WHERE id_cuenta = '1'",
            {"purchases": opened["reclamos"].source(renamed)},
        )
        moment = datetime(2024, 1, 2, 3, 4, 5, 250_000)  # noqa: DTZ001
        assert await house.engines.reports.rows(query) == [{"id_cuenta": "1", "monto": 10.5, "fecha": moment}]

    async def test_texts_are_ordered_by_code_point(self, house: House) -> None:
        house.lake.put_bytes("id,state\n1,b\n2,É\n3,a\n4,Z\n5,😀\n6,ｚ\n".encode(), "mysql/users/users.csv")
        tables = await house.sources(USERS)
        query = Query(str(house.tenant_id), "SELECT state FROM users ORDER BY state", tables)
        rows = await house.engines.reports.rows(query)
        assert [row["state"] for row in rows] == sorted("bÉaZ😀ｚ")
