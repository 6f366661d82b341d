# ruff: noqa: E501, S608
"""Cassandra as a source: its types, its increments, and that its gossip leads nowhere else."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from atalaya.jobs.v1 import job_pb2
from support.sources_running import SourceTenant

SUCCEEDED, FAILED = job_pb2.JobStatus.SUCCEEDED, job_pb2.JobStatus.FAILED


@pytest.fixture(scope="module")
def session(servers: Any) -> Iterator[Any]:
    cluster = servers.need("cassandra").connect()
    session = cluster.connect()
    session.execute("CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    session.set_keyspace("shop")
    session.execute("CREATE ROLE reader WITH PASSWORD = 'pass' AND LOGIN = true")
    session.execute("GRANT SELECT ON KEYSPACE shop TO reader")
    yield session
    cluster.shutdown()


@pytest.fixture
def url(servers: Any) -> str:
    return f"cassandra://reader:pass@127.0.0.1:{servers.need('cassandra').port}/shop"


async def test_every_value_comes_as_it_is(tenant: SourceTenant, session: Any, url: str) -> None:
    session.execute(
        'CREATE TABLE "Raras" (id int PRIMARY KEY, price decimal, big varint, day date, at timestamp, note text, '
        'data blob, yes boolean, half double, list list<int>, tags map<text, text>, "a, b" uuid, clock time)'
    )
    key = uuid4()
    session.execute(
        'INSERT INTO "Raras" (id, price, big, day, at, note, data, yes, half, list, tags, "a, b", clock) '
        f"VALUES (1, 0.100, {10**30}, '2026-02-03', '2026-02-03 04:05:06.007-0500', 'línea \"1\"\n,', 0x00ff, true, 0.1, [1, 2], "
        f"{{'k': 'é'}}, {key}, '04:05:06')"
    )
    session.execute("INSERT INTO \"Raras\" (id, note) VALUES (2, '')")
    await tenant.create(url, ["Raras"])

    job = await tenant.copy()

    assert job.status == SUCCEEDED, job
    rows = {row["id"]: row for row in tenant.rows("cassandra/Raras")}
    assert rows["1"] == {
        "id": "1",
        "price": "0.100",
        "big": str(10**30),
        "day": "2026-02-03",
        "at": "2026-02-03 09:05:06.007+00",
        "note": 'línea "1"\n,',
        "data": "00ff",
        "yes": "true",
        "half": "0.1",
        "list": "[1, 2]",
        "tags": '{"k": "é"}',
        "a, b": str(key),
        "clock": "04:05:06.000000000",
    }
    assert set(rows["2"].values()) == {"2", ""}


async def test_sets_are_json_and_numbers_that_json_has_not_are_texts(
    tenant: SourceTenant, session: Any, url: str
) -> None:
    session.execute("CREATE TYPE place (city text, tags frozen<set<text>>)")
    session.execute(
        "CREATE TABLE bags (id int PRIMARY KEY, ids set<int>, raw set<blob>, home frozen<place>, sizes list<double>)"
    )
    session.execute(
        "INSERT INTO bags (id, ids, raw, home, sizes) "
        "VALUES (1, {2, 1}, {0x00ff}, {city: 'Lima', tags: {'b', 'a'}}, [0.5, NaN, -Infinity])"
    )
    await tenant.create(url, ["bags"])

    await tenant.copy()

    (row,) = tenant.rows("cassandra/bags")
    assert (row["ids"], row["raw"]) == ("[1, 2]", '["00ff"]')
    assert row["home"] == '{"city": "Lima", "tags": ["a", "b"]}'
    assert row["sizes"] == '[0.5, "nan", "-inf"]'


async def test_a_value_that_cannot_be_read_fails_the_run_at_once_and_is_told(
    tenant: SourceTenant, session: Any, url: str
) -> None:
    session.execute("CREATE TABLE far (id int PRIMARY KEY, at timestamp)")
    session.execute("INSERT INTO far (id, at) VALUES (1, 253402300800000)")
    await tenant.create(url, ["far"])

    job = await tenant.copy()

    assert (job.status, job.code, job.attempt) == (FAILED, "SOURCE_VALUE_UNREADABLE", 1)


async def test_an_increment_and_a_whole_reading(tenant: SourceTenant, session: Any, url: str) -> None:
    session.execute("CREATE TABLE pagos (id int PRIMARY KEY, monto decimal, fecha timestamp)")
    for number in range(1, 301):
        session.execute(f"INSERT INTO pagos (id, monto, fecha) VALUES ({number}, 1.5, {1_700_000_000_000 + number})")
    await tenant.create(url, [{"name": "pagos", "cursor": "fecha"}], format="parquet")
    assert (await tenant.copy()).rows_read == 300
    session.execute("INSERT INTO pagos (id, monto, fecha) VALUES (7, 9.5, 1800000000000)")
    session.execute("INSERT INTO pagos (id, monto, fecha) VALUES (301, 2.5, 1700000000300)")
    session.execute("DELETE FROM pagos WHERE id = 9")

    increment = await tenant.copy()
    assert (increment.rows_read, increment.rows_written, increment.rows_unchanged) == (3, 2, 1)
    whole = await tenant.copy(full=True)

    assert whole.rows_read == 300
    state = await tenant.state("pagos")
    assert (state.rows, state.deleted_rows, state.cursor_value) == (300, 1, "2027-01-15 08:00:00.000+00")
    rows = pq.read_table(tenant.lake / "cassandra/pagos/pagos.parquet").to_pylist()
    assert {row["id"]: row["monto"] for row in rows}[7] == "9.5"


@pytest.mark.parametrize("table", ["nothing", 'pagos" WHERE', "system.peers; --"])
async def test_a_table_is_found_by_its_exact_name_alone(
    tenant: SourceTenant, session: Any, url: str, table: str
) -> None:
    await tenant.create(url, [table])

    assert (await tenant.copy()).code == "SOURCE_TABLE_MISSING"


async def test_a_wrong_password_fails_at_once(tenant: SourceTenant, session: Any, url: str) -> None:
    await tenant.create(url.replace(":pass@", ":wrong@"), ["pagos"])

    job = await tenant.copy()

    assert (job.status, job.code, job.attempt) == (FAILED, "SOURCE_LOGIN_REFUSED", 1)
