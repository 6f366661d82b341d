# ruff: noqa: ASYNC240
"""The orchestrator's one command: three databases, the lake, and reports that say what was in the databases."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_suite.databases.orchestrator import KINDS, Orchestrator
from local_suite.databases.schemas import COLUMNS, DATABASE, rows_of
from local_suite.demo.insurance import insurance_tables
from local_suite.demo.last_day import last_day
from local_suite.demo.load import provision
from local_suite.demo.logins import passwords, wanted
from support.running_suite import RunningSuite
from support.sources_running import SourceTenant


@pytest.fixture(scope="module")
def suite(servers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A running suite over an empty lake, whose ingest may read the three servers."""
    ports = {kind: database.server.port for kind, database in servers.orchestrator.databases.items()}
    allowed = ",".join(f"127.0.0.1:{port}" for port in ports.values())
    suite = RunningSuite.fresh(tmp_path_factory.mktemp("whole") / "home", SOURCES_ALLOWED=allowed)
    try:
        suite.start()
        yield suite
    finally:
        suite.stop()


def test_one_command_brings_three_databases_into_the_reports(suite: RunningSuite, servers: Any) -> None:
    for kind in KINDS:
        servers.need(kind)
    provision(suite.home, wanted(passwords(suite.home, os.environ)))
    said: list[str] = []
    orchestrator = Orchestrator(suite.home, {}, said.append)
    # The servers are the run's; the home, and so the company's people, are the suite's.
    orchestrator.databases.update(servers.orchestrator.databases)

    assert orchestrator.run("show", KINDS), said

    generated = insurance_tables(last_day(suite.home, os.environ))
    rows = {name: len(generated[name][1]) for name in COLUMNS}
    for kind in KINDS:
        total = sum(count for name, count in rows.items() if name.startswith(kind))
        assert f"{kind}: {total} rows are in the lake." in said
    journey = next(line for line in said if line.startswith("/cross/analytics/customer-journey: "))
    funnel = json.loads(journey.partition(": ")[2])["conversion_funnel"]
    assert funnel["total_users"] == rows["mysql/users"]
    assert funnel["policyholders_to_claimants"] > 0
    assert any(line.startswith("/claims/stats: ") for line in said)


async def test_debians_postgresql_gives_the_rows_that_were_put_there(tenant: SourceTenant, servers: Any) -> None:
    server = servers.need("postgresql")
    if Path("/usr/lib/postgresql").exists():
        assert "/usr/lib/postgresql" in str(server.programs)
    assert servers.orchestrator.run("seed", ["postgresql"]), servers.said
    tables = [name.partition("/")[2] for name in COLUMNS if name.startswith("postgresql")]
    await tenant.create(servers.orchestrator.url("postgresql"), tables)

    job = await tenant.copy()

    generated = insurance_tables(last_day(servers.orchestrator._home, os.environ))
    wanted_rows = list(rows_of("postgresql/policies", generated["postgresql/policies"]))
    found = {row["id"]: row for row in tenant.rows("postgresql/policies")}
    assert job.rows_read == sum(len(generated[f"postgresql/{table}"][1]) for table in tables)
    assert len(found) == len(wanted_rows) and DATABASE == "primac"
    columns = list(COLUMNS["postgresql/policies"])
    for row in wanted_rows:
        assert list(found[str(row[0])].values()) == ["" if value is None else str(value) for value in row]
        assert list(found[str(row[0])]) == columns
