"""Row-level security in every database of a suite: by the catalog (T-02), by reading (T-03), by moving (T-05)."""

from collections.abc import Callable

import pytest
from local_suite.programs import postgres_server
from support.catalog_lint import KEYS_OVER_ALL, LINTS, TABLES_OF_NOBODY, all_findings
from support.proofs_belongings import databases
from support.proofs_house import House
from support.proofs_rows import NOBODY, as_service, changes, copies_in, count, moves, tenant_tables

Note = Callable[[str, object], None]
# What the tests prove they prove of rows that are there.
FEWEST_TABLES_WITH_ROWS = 15


def test_the_catalog_of_every_database_is_as_it_must_be(house: House, record_property: Note) -> None:
    findings, seen = [], set()
    for database in databases(house.suite.home):
        service = database.removeprefix("atalaya_")
        with postgres_server(house.suite.home).connect(database) as connection:
            findings += [
                f"{database}: {found}" for found in all_findings(connection, f"{service}_owner", f"{service}_app")
            ]
            seen |= {name for (name,) in connection.execute("SELECT relname FROM pg_class").fetchall()}

    assert findings == []
    assert (KEYS_OVER_ALL.keys() | TABLES_OF_NOBODY.keys()) - seen == set(), "the lists name what is gone"
    record_property(
        "proof", f"catalog: {len(LINTS)} lints over {len(databases(house.suite.home))} databases, 0 findings"
    )


@pytest.mark.usefixtures("estate")
def test_no_row_is_seen_or_changed_without_its_tenant(house: House, record_property: Note) -> None:
    seen, owned, tries = [], 0, 0
    for database in databases(house.suite.home):
        with as_service(house.suite.home, database) as connection:
            for table in tenant_tables(connection):
                for tenant in NOBODY:
                    tries += 3
                    if count(connection, table, tenant) or changes(connection, table, tenant):
                        seen.append(f"{database}.{table} with the tenant {tenant!r}")
                tries += 2
                others = f"tenant_id <> '{house.a.tenant_id}'"
                if count(connection, table, house.a.tenant_id, others):
                    seen.append(f"{database}.{table}: others' rows with the tenant of A")
                # The control: with its own tenant set, the same statement sees what is there.
                owned += count(connection, table, house.b.tenant_id) > 0

    assert seen == []
    assert owned >= FEWEST_TABLES_WITH_ROWS
    record_property(
        "proof", f"rows: {tries} tries without or with another tenant, 0 rows; {owned} tables seen by B itself"
    )


@pytest.mark.usefixtures("estate")
def test_no_row_is_moved_to_another_tenant(house: House, record_property: Note) -> None:
    through, tries = [], 0
    for database in databases(house.suite.home):
        with as_service(house.suite.home, database) as connection:
            for table in tenant_tables(connection):
                if not count(connection, table, house.b.tenant_id):
                    continue
                tried = moves(connection, table, house.b.tenant_id, house.a.tenant_id)
                tried["copy"] = copies_in(connection, table, house.b.tenant_id)
                tries += len(tried)
                through += [f"{database}.{table}: {way}" for way, let_through in tried.items() if let_through]

    assert through == []
    assert tries >= 4 * FEWEST_TABLES_WITH_ROWS
    record_property("proof", f"rows: {tries} tries to move one to another tenant, 0 let through")
