"""Of a tenant that leaves, analytics keeps no copy on the disk and no answer in memory."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from analytics_service.kept_files import KeptFiles
from atalaya.analytics.v1 import rfm_pb2
from service_runtime.errors import NotFound
from support.analytics_running import RunningAnalytics
from support.leaving import erase
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
