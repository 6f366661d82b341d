"""What callers and files may say is data: no parameter, name or cell becomes part of a query or a path."""

import io
from collections.abc import Iterator
from itertools import product
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from analytics_service.duckdb_engine import text_of
from atalaya.analytics.v1 import (
    insurance_activity_pb2,
    insurance_pb2,
    insurance_people_pb2,
    insurance_policies_pb2,
    rfm_pb2,
)
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from pyarrow import parquet as pq
from support.analytics_running import RunningAnalytics
from support.insurance_data import insurance_files
from support.running import refusal

FILES = (insurance_pb2, insurance_people_pb2, insurance_policies_pb2, insurance_activity_pb2)
BOUNDS = {"months": (1, 36), "hours": (24, 720)}
NUMBERS = (0, -1, -(2**31), 2**31 - 1, 37, 23, 721, 100_000)
MOMENTS = (
    "now",
    "2024",
    "2024-10-05",
    "2024-10-05T12:00:00",
    "2024-13-05T12:00:00Z",
    "2024-02-30T12:00:00Z",
    "2024-10-05T25:00:00Z",
    "0000-01-01T00:00:00Z",
    "99999-01-01T00:00:00Z",
    "2024-10-05T12:00:00+99:99",
    "2024-10-05T12:00:00+14:60",
    "2024-10-05T12:00:00Z\n",
    "\uff12024-10-05T12:00:00Z",
    "9" * 100_000,
)
# By the ways in which queries are broken into: boolean, stacked, union, time, comments, quoting, wildcards, formats.
CORES = (
    "' OR '1'='1", "' OR 1=1--", "'; DROP TABLE users;--", "' UNION SELECT * FROM users--", "\" OR \"\"=\"",
    "'; COPY users TO '/tmp/x';--", "'; ATTACH '/tmp/x.db';--", "'; INSTALL httpfs;--", "'||(SELECT 1)||'",
    "' AND sleep(5)--", "/**/", "--", "$as_of", "$1", "%", "_", "\\", "\\'", "''", "{0}", "%s", "%27", "*", "(", ")",
    "read_csv('/etc/passwd')", "s3://bucket/a/../b", "../../etc/passwd", "..\\..\\x", "//", "tenant=", "\u0000x",
    "\u2019 OR 1=1", "\u202e", "C:\\x", "file:///etc/passwd", "\ufdd0",
)  # fmt: skip
PAYLOADS = [f"{before}{core}{after}" for core, before, after in product(CORES, ("", "17", "17' "), ("", " ", "#"))]


def methods() -> Iterator[tuple[str, MethodDescriptor]]:
    for file in FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield f"/{service.full_name}/{method.name}", method


def asked(field: str) -> list[str]:
    return [path for path, method in methods() if field in method.input_type.fields_by_name]


async def ask(analytics: RunningAnalytics, path: str, **values: Any) -> Any:
    method = dict(methods())[path]
    request, reply = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = analytics.channel.unary_unary(
        path, request_serializer=request.SerializeToString, response_deserializer=reply.FromString
    )
    return await call(request(**values), metadata=analytics.viewer)


def test_every_report_that_takes_a_time_or_a_window_is_tried() -> None:
    assert len(asked("as_of")) == 20
    assert len(asked("months")) == 2
    assert len(asked("hours")) == 1


@pytest.mark.parametrize("field", BOUNDS)
async def test_windows_are_taken_within_their_bounds_and_refused_beyond(
    analytics: RunningAnalytics, field: str
) -> None:
    least, most = BOUNDS[field]
    for name, content in insurance_files(1).items():
        analytics.put(name, content)
    for path in asked(field):
        for value in (least, most):
            assert await ask(analytics, path, **{field: value})
        for value in NUMBERS:
            if not least <= value <= most:
                error = await refusal(ask(analytics, path, **{field: value}))
                assert error.http_status == 422, (path, value, error)


async def test_a_time_that_is_none_is_refused_before_anything_is_read(analytics: RunningAnalytics) -> None:
    for path in asked("as_of"):
        # With no file there, whatever is accepted gives 404.
        assert (await refusal(ask(analytics, path, as_of="2024-10-05T12:00:00.5-05:00"))).http_status == 404
        for value in (*MOMENTS, *PAYLOADS[::9]):
            error = await refusal(ask(analytics, path, as_of=value))
            assert error.http_status == 422, (path, value, error)


async def test_what_is_asked_for_as_a_customer_is_only_compared(analytics: RunningAnalytics) -> None:
    strange = "17' OR '1'='1"
    analytics.put("datavision/transactions/t.csv", f"id_cuenta,fecha,monto\n17,2024-01-01,5\n{strange},2024-01-01,7\n")
    found = await analytics.rfm.GetCustomer(rfm_pb2.GetCustomerRequest(id_cuenta="17"), metadata=analytics.viewer)
    assert found.monto == 5
    twin = await analytics.rfm.GetCustomer(rfm_pb2.GetCustomerRequest(id_cuenta=strange), metadata=analytics.viewer)
    assert (twin.id_cuenta, twin.monto) == (strange, 7)
    assert len(PAYLOADS) >= 300
    for payload in PAYLOADS:
        if payload.strip() not in ("17", strange):
            request = rfm_pb2.GetCustomerRequest(id_cuenta=payload)
            error = await refusal(analytics.rfm.GetCustomer(request, metadata=analytics.viewer))
            assert error.http_status in (404, 422), (payload, error)


async def test_cells_and_names_of_columns_are_data(analytics: RunningAnalytics) -> None:
    for payload in PAYLOADS[::9]:
        table = pa.table({payload: ["x"], f'"{payload}': ["y"], "estado": [payload]})
        file = io.BytesIO()
        pq.write_table(table, file)
        analytics.put("cassandra/reclamos/it's; DROP.parquet", file.getvalue())
        reply = await ask(analytics, "/atalaya.analytics.v1.InsuranceService/GetClaimStats")
        text = payload.strip("\t\n\v\f\r \u00a0").lower()
        assert {name for name, count in reply.claims_by_estado.items() if count} == {text}


def test_a_text_is_written_so_that_it_is_read_again() -> None:
    texts = [payload for payload in PAYLOADS if "\0" not in payload]
    sql = f"SELECT {', '.join(text_of(text) for text in texts)}"
    assert duckdb.connect().execute(sql).fetchall() == [tuple(texts)]


async def test_objects_with_names_that_lead_elsewhere_are_not_read(analytics: RunningAnalytics) -> None:
    analytics.put("cassandra/reclamos/reclamos.csv", "estado\nours\n")
    stranger = analytics.lake / "tenant=00000000-0000-0000-0000-000000000009" / "cassandra" / "reclamos"
    stranger.mkdir(parents=True)
    (stranger / "reclamos.csv").write_text("estado\ntheirs\n")
    here = analytics.path("cassandra/reclamos")
    # A folder of that name, another case, a name that begins with a dot, and one that is nearly ours.
    (here / "folder.csv").mkdir()
    (here / ".hidden.csv").write_text("estado\nhidden\n")
    (here / "UPPER.CSV").write_text("estado\nupper\n")
    nearly = analytics.path("cassandra/reclamos2")
    nearly.mkdir()
    (nearly / "x.csv").write_text("estado\nnearly\n")
    reply = await ask(analytics, "/atalaya.analytics.v1.InsuranceService/GetClaimStats")
    assert {name for name, count in reply.claims_by_estado.items() if count} == {"ours"}
