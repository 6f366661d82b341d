"""Of a tenant that leaves, analytics keeps no copy on the disk and no answer in memory."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from analytics_service.kept_files import KeptFiles
from atalaya.analytics.v1 import rfm_pb2
from service_runtime.errors import NotFound
from support.analytics_running import RunningAnalytics
from support.leaving import erase, left_of
from support.postgres import ServiceDatabase
from support.rfm_running import ended, until, working
from support.running import refusal

CLAIMS = "claim_id,status,claim_date,amount\n1,approved,2024-10-01,5\n"
TRANSACTIONS = "id_cuenta,fecha,monto\nC1,2024-10-01,50\nC2,2024-10-02,70\n"


async def test_copies_and_answers_of_a_tenant_go_and_no_others(analytics: RunningAnalytics) -> None:
    staying = replace(analytics, tenant_id=uuid4())
    for company in (analytics, staying):
        fill(company)
        await ask(company)
    both = kept(analytics)

    reply = await erase(analytics.channel, analytics.issuer, analytics.tenant_id, "analytics")

    # Positive control: half of what was there was the tenant's.
    assert reply.objects * 2 == len(both) > 0
    assert len(kept(analytics)) == reply.objects
    assert not any(str(analytics.tenant_id) in path.read_text() for path in analytics.cache.glob("*.json"))
    assert all(str(staying.tenant_id) in path.read_text() for path in analytics.cache.glob("*.json"))
    await ask(staying)
    assert (await erase(analytics.channel, analytics.issuer, analytics.tenant_id, "analytics")).objects == 0
    # The lake is ingest's to erase; without it nothing is answered from memory.
    for file in analytics.path("").rglob("*.csv"):
        file.unlink()
    assert isinstance(await refusal(segments(analytics)), NotFound)


async def test_table_history_benefits_and_jobs_of_a_tenant_go_and_no_others(
    analytics: RunningAnalytics, clock: dict[str, datetime], analytics_database: ServiceDatabase
) -> None:
    staying = replace(analytics, tenant_id=uuid4())
    async with working(analytics, lambda: clock["now"]):
        for company in (analytics, staying):
            fill(company)
            await ask(company)
            offer = rfm_pb2.SetSegmentBenefitsRequest(segmento="Campeones", beneficios=["Uno"])
            admin = company.issuer.bearer(company.tenant_id, "admin")
            await company.rfm.SetSegmentBenefits(offer, metadata=admin)
            await ended(company, 1)
        # Positive control; what is on its way to the trail waits in the queue.
        expected = {"rfm_tables": 1, "rfm_moves": 2, "rfm_benefits": 1, "jobs": 1, "procrastinate_jobs": 1}

        async def is_there() -> bool:
            return [left_of(analytics_database.name, each.tenant_id) for each in (analytics, staying)] == [expected] * 2

        await until(is_there, "something else is there than was made")

        reply = await erase(analytics.channel, analytics.issuer, analytics.tenant_id, "analytics")

        assert reply.rows == 5
        assert left_of(analytics_database.name, analytics.tenant_id) == {}
        assert left_of(analytics_database.name, staying.tenant_id) == expected
        assert (await erase(analytics.channel, analytics.issuer, analytics.tenant_id, "analytics")).rows == 0


async def test_nothing_is_published_behind_an_erasure(
    analytics: RunningAnalytics, clock: dict[str, datetime], analytics_database: ServiceDatabase
) -> None:
    async with working(analytics, lambda: clock["now"]):
        for number in range(5):
            # The answer does not wait for its version to be published, nor that for the job.
            analytics.put("datavision/transactions/part-1.csv", f"{TRANSACTIONS}C3,2024-10-0{number + 1},5\n")
            await segments(analytics)
            await erase(analytics.channel, analytics.issuer, analytics.tenant_id, "analytics")
            assert left_of(analytics_database.name, analytics.tenant_id) == {}


async def test_files_of_before_they_had_owners_are_made_anew(tmp_path: Path) -> None:
    (tmp_path / "old.parquet").write_bytes(b"1234")
    (tmp_path / "old.json").write_text('{"file": "old.parquet", "size": 4, "facts": {}}')
    assert KeptFiles(tmp_path, max_bytes=100).find("old") is None
    assert not (tmp_path / "old.parquet").exists()


def fill(company: RunningAnalytics) -> None:
    company.put("datavision/transactions/part-1.csv", TRANSACTIONS)
    company.put("mysql/claims/claims.csv", CLAIMS)


async def ask(company: RunningAnalytics) -> None:
    assert len((await segments(company)).segmentos) > 0
    await company.rfm.GetCustomer(rfm_pb2.GetCustomerRequest(id_cuenta="C1"), metadata=company.viewer)


async def segments(company: RunningAnalytics) -> rfm_pb2.ListSegmentsResponse:
    return await company.rfm.ListSegments(rfm_pb2.ListSegmentsRequest(), metadata=company.viewer)


def kept(company: RunningAnalytics) -> list[Path]:
    return [path for path in company.cache.iterdir() if path.is_file() and path.suffix != ".json"]
