"""Reading the lake: one account's rows, whatever its name, and a clear word where the lake is broken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from ml_service.config import Settings
from ml_service.lake_reader import LakeReader
from service_runtime.errors import Unavailable
from support.ml_suite import Company
from support.tokens import TestIssuer


@pytest.fixture
def lake_company(issuer: TestIssuer, tmp_path: Path) -> Company:
    return Company(issuer, tmp_path)


@pytest.fixture
def reader(tmp_path: Path) -> LakeReader:
    return LakeReader(Settings(atalaya_lake=f"file://{tmp_path}"))


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


@pytest.mark.parametrize("broken", ["_delta_log/*.json", "cuenta=banco/*.parquet"])
def test_a_broken_table_is_said_to_be_away(
    lake_company: Company, reader: LakeReader, tmp_path: Path, broken: str
) -> None:
    lake_company.write_readings("banco", [datetime(2024, 5, 1, tzinfo=UTC)], [1])
    for file in (tmp_path / f"tenant={lake_company.tenant_id}" / "social/metrics").glob(broken):
        file.write_bytes(b"{broken")

    with pytest.raises(Unavailable) as caught:
        reader.readings(lake_company.tenant_id, "banco")

    assert caught.value.reason == "LAKE_UNAVAILABLE"
