"""The legacy reports, and what all reports do about missing files and columns."""

import json
import os

from atalaya.analytics.v1 import insurance_pb2 as pb
from atalaya.analytics.v1 import system_pb2
from support.analytics_running import RunningAnalytics
from support.running import refusal

CLAIMS = "cassandra/reclamos/reclamos.csv"
PAYMENTS = "cassandra/pagos/pagos.csv"
AUDIT = "cassandra/transaction_audit/transaction_audit.csv"


async def test_claims_are_counted_by_lower_cased_state(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "id,estado\n1,APROBADO\n2, aprobado \n3,Observado\n4,\n5,\u00a0\n")
    reply = await analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest(), metadata=analytics.viewer)
    assert dict(reply.claims_by_estado) == {
        "aprobado": 2,
        "pendiente": 0,
        "rechazado": 0,
        "en_revision": 0,
        "observado": 1,
        "unknown": 2,
    }


async def test_claims_are_a_bare_object_over_rest(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "estado\nrechazado\n")
    reply = await analytics.insurance.ExportClaimStatsJson(pb.ExportClaimStatsJsonRequest(), metadata=analytics.viewer)
    assert reply.content_type == "application/json"
    assert json.loads(reply.data) == {"aprobado": 0, "pendiente": 0, "rechazado": 1, "en_revision": 0}


async def test_the_mean_payment_leaves_out_what_does_not_parse(analytics: RunningAnalytics) -> None:
    analytics.put(PAYMENTS, "id,monto\n1,1.00\n2,1.01\n3,nan\n4,1_000\n5,\n6,-\n")
    reply = await analytics.insurance.GetAveragePayment(pb.GetAveragePaymentRequest(), metadata=analytics.viewer)
    # 1.005: halves round away from zero.
    assert reply.avg_monto == 1.01


async def test_the_mean_of_no_payments_is_absent(analytics: RunningAnalytics) -> None:
    analytics.put(PAYMENTS, "id,monto\n")
    reply = await analytics.insurance.GetAveragePayment(pb.GetAveragePaymentRequest(), metadata=analytics.viewer)
    assert not reply.HasField("avg_monto")


async def test_top_services_come_most_first_with_ties_by_name(analytics: RunningAnalytics) -> None:
    rows = ["b"] * 3 + ["a"] * 3 + ["ñ"] * 5 + ["c", "d", "e", ""]
    analytics.put(AUDIT, "servicio\n" + "".join(f'"{name}"\n' for name in rows))
    reply = await analytics.insurance.ExportTopServicesJson(
        pb.ExportTopServicesJsonRequest(), metadata=analytics.viewer
    )
    assert list(json.loads(reply.data).items()) == [("ñ", 5), ("a", 3), ("b", 3), ("c", 1), ("d", 1)]
    listed = await analytics.insurance.ListTopServices(pb.ListTopServicesRequest(), metadata=analytics.viewer)
    assert [(item.servicio, item.transactions) for item in listed.services][:2] == [("ñ", 5), ("a", 3)]


async def test_a_missing_file_is_named(analytics: RunningAnalytics) -> None:
    error = await refusal(analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest(), metadata=analytics.viewer))
    assert (error.http_status, error.reason) == (404, "DATASET_NOT_FOUND")
    assert CLAIMS in error.message
    assert error.metadata["path"] == CLAIMS


async def test_a_missing_column_is_named_with_its_dataset(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "id,state\n1,x\n")
    error = await refusal(analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest(), metadata=analytics.viewer))
    assert error.reason == "COLUMN_MISSING"
    assert error.metadata == {"dataset": "cassandra/reclamos", "column": "estado"}


async def test_a_file_of_no_bytes_lacks_its_first_column(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, b"")
    error = await refusal(analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest(), metadata=analytics.viewer))
    assert (error.reason, error.metadata["column"]) == ("COLUMN_MISSING", "estado")


async def test_a_changed_file_is_seen_at_the_next_request(analytics: RunningAnalytics) -> None:
    seen = []
    for content in ("estado\npendiente\n", "estado\nrechazado\n"):
        analytics.put(CLAIMS, content)
        reply = await analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest(), metadata=analytics.viewer)
        seen.append((reply.claims_by_estado["pendiente"], reply.claims_by_estado["rechazado"]))
    assert seen == [(1, 0), (0, 1)]


async def test_another_tenant_sees_nothing_of_it(analytics: RunningAnalytics) -> None:
    analytics.put(CLAIMS, "estado\npendiente\n")
    stranger = analytics.issuer.bearer("00000000-0000-7000-8000-000000000001", "admin")
    error = await refusal(analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest(), metadata=stranger))
    assert error.reason == "DATASET_NOT_FOUND"


async def test_without_a_token_there_is_no_answer(analytics: RunningAnalytics) -> None:
    error = await refusal(analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest()))
    assert error.http_status == 401


async def test_a_file_whose_name_is_not_utf8_is_named(analytics: RunningAnalytics) -> None:
    # As old archives unpack it.
    analytics.put(os.fsdecode(b"cassandra/reclamos/a\xf1o.csv"), "estado\naprobado\n")
    error = await refusal(analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest(), metadata=analytics.viewer))
    assert (error.http_status, error.reason) == (422, "DATASET_UNREADABLE")
    assert error.metadata["path"] == "cassandra/reclamos/a\\udcf1o.csv"
    info = await analytics.system.GetDataInfo(system_pb2.GetDataInfoRequest(), metadata=analytics.viewer)
    assert dict(info.data_paths.cassandra) == {"reclamos": "cassandra/reclamos/a\\udcf1o.csv"}


async def test_a_file_with_a_name_that_no_object_may_have_is_named(analytics: RunningAnalytics) -> None:
    # As programs of Windows write paths into a bucket.
    analytics.put("cassandra/reclamos/2024\\reclamos.csv", "estado\naprobado\n")
    error = await refusal(analytics.insurance.GetClaimStats(pb.GetClaimStatsRequest(), metadata=analytics.viewer))
    assert (error.http_status, error.reason) == (422, "DATASET_UNREADABLE")
    assert error.metadata["path"] == "cassandra/reclamos/2024\\reclamos.csv"
    assert error.message.startswith("cassandra/reclamos/2024\\reclamos.csv cannot be read: rename it")
