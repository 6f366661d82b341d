"""Reading the lake: one account's rows, whatever its name, and a clear word where the lake is broken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from ml_service.config import Settings
from ml_service.lake_reader import LakeReader
from service_runtime.errors import Unavailable
from service_runtime.lake import tenant_lake
from support import s3
from support.ml_suite import Company
from support.tokens import TestIssuer


@pytest.fixture(params=["file", "s3"])
def lake_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "file":
        return Settings(atalaya_lake=f"file://{tmp_path}")
    return Settings(
        atalaya_lake=f"s3://{s3.new_bucket()}/lake",
        aws_endpoint_url=s3.endpoint(),
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )


@pytest.fixture
def lake_company(issuer: TestIssuer, lake_settings: Settings) -> Company:
    return Company(issuer, lake_settings)


@pytest.fixture
def reader(lake_settings: Settings) -> LakeReader:
    return LakeReader(lake_settings)


@pytest.mark.parametrize("account", ["banco", "O'Higgins' OR '1'='1", "ñandú 50% {x}", "ኢትዮጵያ"])
def test_an_accounts_own_readings_are_read_in_order(lake_company: Company, reader: LakeReader, account: str) -> None:
    times = [datetime(2024, 5, day, 12, 30, 0, 5, tzinfo=UTC) for day in (3, 1, 2)]
    lake_company.write_readings(account, times, [30, 10, 20])
    lake_company.write_readings("other", times, [1, 2, 3])

    readings = reader.readings(lake_company.tenant_id, account)

    assert readings.followers.tolist() == [10, 20, 30]
    assert readings.times[0] == int(datetime(2024, 5, 1, 12, 30, tzinfo=UTC).timestamp()) * 1_000_000 + 5


def test_posts_of_every_month_are_read(lake_company: Company, reader: LakeReader) -> None:
    counts = np.arange(3000, dtype=np.int32).reshape(1000, 3)
    lake_company.write_posts("banco", counts)

    found = reader.post_counts(lake_company.tenant_id, "banco")

    assert found.shape == (1000, 3)
    assert np.array_equal(found[np.lexsort(found.T)], counts)


def test_no_table_is_no_history(lake_company: Company, reader: LakeReader) -> None:
    assert len(reader.readings(lake_company.tenant_id, "banco").times) == 0
    assert reader.post_counts(lake_company.tenant_id, "banco").shape == (0, 3)


@pytest.mark.parametrize("broken", ["_delta_log/", "cuenta=banco/"])
def test_a_broken_table_is_said_to_be_away(lake_company: Company, reader: LakeReader, broken: str) -> None:
    lake_company.write_readings("banco", [datetime(2024, 5, 1, tzinfo=UTC)], [1])
    lake = tenant_lake(lake_company.settings, lake_company.tenant_id)
    for item in lake.list(f"social/metrics/{broken}"):
        lake.put_bytes(b"{broken", item.path)

    with pytest.raises(Unavailable) as caught:
        reader.readings(lake_company.tenant_id, "banco")

    assert caught.value.reason == "LAKE_UNAVAILABLE"
