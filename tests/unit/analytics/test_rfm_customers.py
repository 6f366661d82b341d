"""Many customers at once, what segments offer, and jobs of analytics, as callers of each role see them."""

import json
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pyarrow as pa
import pytest
from analytics_service.customer_table import Customer, CustomerTable
from analytics_service.segments import BENEFITS
from atalaya.analytics.v1 import insurance_pb2, jobs_pb2, jobs_pb2_grpc, rfm_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq
from support.analytics_running import RunningAnalytics
from support.postgres import ServiceDatabase, server
from support.rfm_running import TRANSACTIONS, customer, ended, jobs, purchases, replica, until, working
from support.running import refusal

# The higher the number the better; the last bought twice, so that it is a champion.
ROWS: list[tuple[object, str, float]] = [
    *((f"c{n}", f"2024-01-{n:02}", 10.0 * n) for n in range(1, 29)),
    ("c28", "2024-01-27", 5.0),
]


async def batch(analytics: RunningAnalytics, *ids: str) -> rfm_pb2.BatchGetCustomersResponse:
    request = rfm_pb2.BatchGetCustomersRequest(ids=ids)
    return await analytics.rfm.BatchGetCustomers(request, metadata=analytics.viewer)


async def offer(
    analytics: RunningAnalytics, segmento: str, *beneficios: str, role: str = "admin"
) -> rfm_pb2.SetSegmentBenefitsResponse:
    request = rfm_pb2.SetSegmentBenefitsRequest(segmento=segmento, beneficios=beneficios)
    metadata = analytics.issuer.bearer(analytics.tenant_id, role)
    return await analytics.rfm.SetSegmentBenefits(request, metadata=metadata)


async def test_many_customers_come_in_the_order_asked(analytics: RunningAnalytics) -> None:
    analytics.put(TRANSACTIONS, purchases(ROWS))
    reply = await batch(analytics, "c7", "nobody", "c1", " c7 ", "c28", "no\0body", "nobody")
    assert [each.id_cuenta for each in reply.clientes] == ["c7", "c1", "c7", "c28"]
    assert list(reply.not_found) == ["nobody", "no\0body", "nobody"]
    for each in reply.clientes:
        alone = await customer(analytics, each.id_cuenta)
        assert each.SerializeToString() == alone.SerializeToString()


async def test_purchases_that_were_spoilt_on_this_disk_are_made_again(analytics: RunningAnalytics) -> None:
    analytics.put("cassandra/pagos/pagos.csv", "customer_id,monto,fecha_pago\nc1,5,2024-01-01\n")
    await analytics.insurance.GetAveragePayment(insurance_pb2.GetAveragePaymentRequest(), metadata=analytics.viewer)
    for file in analytics.cache.glob("*.parquet"):
        file.write_bytes(b"x" * file.stat().st_size)
    assert (await customer(analytics, "c1")).monto == 5


async def test_a_thousand_customers_are_a_call_and_one_more_is_none(analytics: RunningAnalytics) -> None:
    analytics.put(TRANSACTIONS, purchases((n, f"2024-01-{n % 28 + 1:02}", n) for n in range(1, 1201)))
    reply = await batch(analytics, *map(str, range(1200, 200, -1)))
    assert [each.id_cuenta for each in reply.clientes] == [str(n) for n in range(1200, 200, -1)]
    for ids in (["1"] * 1001, [], [""], ["1" * 201]):
        error = await refusal(batch(analytics, *ids))
        assert (error.http_status, error.reason) == (422, "INVALID_REQUEST")


async def test_benefits_that_an_admin_sets_are_shown_at_once(
    analytics: RunningAnalytics, clock: dict[str, datetime], tmp_path: Path
) -> None:
    analytics.put(TRANSACTIONS, purchases(ROWS))
    now = lambda: clock["now"]  # noqa: E731
    async with replica(analytics, now, tmp_path / "second") as second:
        for each in (analytics, second):
            assert tuple((await customer(each, "c28")).beneficios) == BENEFITS["Campeones"]
        reply = await offer(analytics, "Campeones", "  Café\u00a0gratis ", "Otro")
        assert (reply.segmento, list(reply.beneficios)) == ("Campeones", ["Café gratis", "Otro"])
        assert list((await customer(analytics, "c28")).beneficios) == ["Café gratis", "Otro"]
        assert list((await batch(analytics, "c28")).clientes[0].beneficios) == ["Café gratis", "Otro"]

        async def second_knows() -> bool:
            return list((await customer(second, "c28")).beneficios) == ["Café gratis", "Otro"]

        # It is told by PostgreSQL, which takes no time and yet some.
        await until(second_knows, "the other replica has not heard of new benefits")
    # Other segments stay, and so do other companies.
    assert tuple((await customer(analytics, "c1")).beneficios) == BENEFITS["Perdidos"]
    assert list((await offer(analytics, "Campeones")).beneficios) == []
    assert list((await customer(analytics, "c28")).beneficios) == []


async def test_what_is_heard_while_it_is_read_is_read_again(
    analytics: RunningAnalytics, clock: dict[str, datetime], tmp_path: Path
) -> None:
    analytics.put(TRANSACTIONS, purchases(ROWS))
    async with replica(analytics, lambda: clock["now"], tmp_path / "second") as second:
        for number in range(30):
            await offer(analytics, "Campeones", str(number))
            assert list((await customer(analytics, "c28")).beneficios) == [str(number)]

            async def knows(expected: list[str] = [str(number)]) -> bool:  # noqa: B006
                return list((await customer(second, "c28")).beneficios) == expected

            await until(knows, "an old benefit stays")


async def test_another_company_keeps_what_is_usual(analytics: RunningAnalytics) -> None:
    analytics.put(TRANSACTIONS, purchases(ROWS))
    await offer(analytics, "Campeones", "Solo nuestro")
    analytics.tenant_id = uuid4()
    analytics.put(TRANSACTIONS, purchases(ROWS))
    assert tuple((await customer(analytics, "c28")).beneficios) == BENEFITS["Campeones"]


@pytest.mark.parametrize(
    ("segmento", "beneficios", "status", "reason"),
    [
        ("Campeonas", ["x"], 404, "SEGMENT_NOT_FOUND"),
        ("campeones", ["x"], 404, "SEGMENT_NOT_FOUND"),
        ("Campeones", ["x"] * 2, 422, "INVALID_REQUEST"),
        ("Campeones", [str(n) for n in range(21)], 422, "INVALID_REQUEST"),
        ("Campeones", ["x" * 201], 422, "INVALID_REQUEST"),
        ("Campeones", [" \t"], 422, "INVALID_REQUEST"),
        ("Campeones", ["\u00a0"], 422, "INVALID_REQUEST"),
        ("Campeones", [""], 422, "INVALID_REQUEST"),
        ("Campeones", ["Uno dos", " Uno\u00a0dos"], 422, "INVALID_REQUEST"),
    ],
)
async def test_benefits_that_cannot_be(
    analytics: RunningAnalytics, segmento: str, beneficios: list[str], status: int, reason: str
) -> None:
    error = await refusal(offer(analytics, segmento, *beneficios))
    assert (error.http_status, error.reason) == (status, reason)


async def test_a_name_may_be_written_with_combining_accents(analytics: RunningAnalytics) -> None:
    reply = await offer(analytics, "Necesitan Atencio\u0301n", "Nul\0o")
    assert (reply.segmento, list(reply.beneficios)) == ("Necesitan Atención", ["Nul\ufffdo"])


@pytest.mark.parametrize("role", ["viewer", "user"])
async def test_only_admins_set_benefits(analytics: RunningAnalytics, role: str) -> None:
    assert (await refusal(offer(analytics, "Campeones", "x", role=role))).http_status == 403


async def test_new_benefits_are_told_to_the_trail(
    analytics: RunningAnalytics, analytics_database: ServiceDatabase
) -> None:
    await offer(analytics, "Campeones", "Uno", "Dos")
    await refusal(offer(analytics, "Nadie", "Tres"))
    with psycopg.connect(server().dsn(analytics_database.name)) as connection:
        query = "SELECT args FROM procrastinate_jobs WHERE queue_name = 'analytics-audit' AND args->>'tenant_id' = %s"
        ((args,),) = connection.execute(query, [str(analytics.tenant_id)]).fetchall()
    event = args["event"]
    assert (event["action"], event["resource"]) == ("analytics.set_segment_benefits", "rfm/segmentos/Campeones")
    assert (event["outcome"], event["details"]) == ("OK", {"beneficios": "Uno; Dos"})


async def test_a_job_is_seen_cancelled_and_tried_again(analytics: RunningAnalytics, clock: dict[str, datetime]) -> None:
    stub: jobs_pb2_grpc.JobsServiceAsyncStub = jobs_pb2_grpc.JobsServiceStub(analytics.channel)
    user = analytics.issuer.bearer(analytics.tenant_id, "user")
    analytics.put(TRANSACTIONS, purchases(ROWS))
    await customer(analytics, "c1")

    async def is_queued() -> bool:
        return len(await jobs(analytics)) == 1

    await until(is_queued, "no job is queued")
    (job,) = await jobs(analytics)
    assert (job.kind, job.job_id.split("/")[0]) == ("refresh_rfm", "analytics")
    cancelled = await stub.CancelJob(jobs_pb2.CancelJobRequest(job_id=job.job_id), metadata=user)
    assert cancelled.HasField("finished_at")
    await stub.RetryJob(jobs_pb2.RetryJobRequest(job_id=job.job_id), metadata=user)
    async with working(analytics, lambda: clock["now"]):
        await ended(analytics, 1)
    again = await stub.GetJob(jobs_pb2.GetJobRequest(job_id=job.job_id), metadata=user)
    assert (again.rows_written, again.code) == (28, "")
    stranger = analytics.issuer.bearer(uuid4(), "user")
    assert (await refusal(stub.GetJob(jobs_pb2.GetJobRequest(job_id=job.job_id), metadata=stranger))).http_status == 404


IDS = st.sets(st.text(st.characters(codec="utf-8"), max_size=4), max_size=60)


@settings(max_examples=60, deadline=None)
@given(IDS, IDS, st.integers(1, 20))
def test_a_look_up_finds_exactly_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, there: set[str], asked: set[str], per_batch: int
) -> None:
    # As a database sorts, by bytes.
    ids = sorted(there, key=str.encode)
    numbers = list(range(len(ids)))
    counts = {name: pa.array(numbers, pa.int32()) for name in ("recencia", "frecuencia", "r", "f", "m")}
    money, names = pa.array([n / 4 for n in numbers], pa.float64()), pa.array([f"s{n}" for n in numbers], pa.string())
    table = pa.table({"id_cuenta": pa.array(ids, pa.string()), "monto": money, "segmento": names, **counts})
    file = tmp_path_factory.mktemp("customers") / "customers.arrow"
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=per_batch)
    found = CustomerTable(file)
    for number, id_cuenta in enumerate(ids):
        expected = Customer(id_cuenta, number, number, number / 4, number, number, number, f"s{number}")
        assert found.find(id_cuenta) == expected
    assert all(found.find(id_cuenta) is None for id_cuenta in asked - there)


def test_what_is_written_is_what_was_scored(tmp_path: Path) -> None:
    ids = [f"{number:06}" for number in range(200_000)]
    numbers = pa.array(range(len(ids)), pa.int32())
    columns = dict.fromkeys(("recencia", "frecuencia", "r", "f", "m"), numbers)
    table = pa.table({"id_cuenta": ids, **columns, "monto": numbers.cast(pa.float64()), "segmento": ids})
    pq.write_table(table, tmp_path / "customers.parquet", row_group_size=70_000)
    CustomerTable.write(tmp_path / "customers.parquet", tmp_path / "customers.arrow")
    found = CustomerTable(tmp_path / "customers.arrow")
    for number in (0, 1, 65_535, 65_536, 69_999, 70_000, 131_072, 199_999):
        customer = found.find(ids[number])
        assert customer is not None
        assert json.dumps([customer.recencia, customer.m, customer.monto, customer.segmento]) == json.dumps(
            [number, number, float(number), ids[number]]
        )
