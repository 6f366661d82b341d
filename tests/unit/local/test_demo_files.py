"""The demo's files: the same in every run, of the promised shape, and as dirty as they should be."""

import csv
import hashlib
import io
import statistics
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from local_suite.demo.companies import COMPANIES
from local_suite.demo.files import ImportFile, files_of
from local_suite.demo.history import DAYS

pytestmark = pytest.mark.slow

UNTIL = date(2026, 6, 30)
INSURANCE = {
    "mysql/users": {"id", "username", "email", "role", "phone", "state", "city", "created_at"},
    "mysql/clients": {"user_id", "first_name", "last_name", "document_type", "birth_date"},
    "mysql/agents": {"id", "code", "first_name", "last_name", "is_active"},
    "mysql/beneficiaries": {"client_id", "relationship", "birth_date"},
    "postgresql/products": {"id", "code", "name", "product_type", "base_premium"},
    "postgresql/policies": {"id", "policy_number", "customer_id", "agent_id", "premium", "sum_insured"},
    "postgresql/policy_coverage": {"policy_id", "coverage_name", "coverage_limit", "deductible"},
    "postgresql/beneficiaries": {"policy_id", "client_id", "full_name", "relationship"},
    "cassandra/reclamos": {"id", "policy_number", "estado", "monto", "fecha_reclamo"},
    "cassandra/pagos": {"id", "customer_id", "monto", "metodo_pago", "fecha_pago"},
    "cassandra/transaction_audit": {"timestamp", "servicio", "operacion", "user_id"},
}


@pytest.fixture(scope="module")
def files() -> dict[str, list[ImportFile]]:
    return {company.name: list(files_of(company, UNTIL)) for company in COMPANIES}


def rows_of(file: ImportFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.body.decode(), newline="")))


def every(files: dict[str, list[ImportFile]], kind: str) -> list[dict[str, str]]:
    return [row for each in files.values() for file in each if file.title == kind for row in rows_of(file)]


def test_a_second_run_gives_the_same_bytes(files: dict[str, list[ImportFile]]) -> None:
    again = list(files_of(COMPANIES[0], UNTIL))
    assert [hashlib.sha256(file.body).digest() for file in again] == [
        hashlib.sha256(file.body).digest() for file in files["TechCorp"]
    ]


def test_eight_banks_have_three_years_of_posts_and_metrics(files: dict[str, list[ImportFile]]) -> None:
    posts, metrics = every(files, "posts"), every(files, "metrics")
    accounts = {account for company in COMPANIES for account in company.accounts}
    assert len(accounts) == 8
    assert {row["cuenta"] for row in posts} == {row["cuenta"] for row in metrics} == accounts
    assert 20_000 < len(posts) < 40_000
    assert 8 * DAYS * 0.98 < len(metrics) <= 8 * DAYS
    first, last = min(row["fecha_publicacion"] for row in posts), max(row["fecha_publicacion"] for row in posts)
    assert (first[:7], last[:10]) in {("2023-07", "2026-06-30"), ("2023-07", "2026-07-01")}
    # Lima is five hours behind: the last day ends at 05:00 UTC of the next.
    assert datetime.fromisoformat(last) < datetime(2026, 7, 1, 5, tzinfo=UTC)


def test_posts_are_told_apart_and_their_counts_are_plausible(files: dict[str, list[ImportFile]]) -> None:
    posts = every(files, "posts")
    assert len({row["id_externo"] for row in posts}) == len(posts)
    likes = [int(row["likes"]) for row in posts]
    assert min(likes) >= 0
    assert 50 < statistics.median(likes) < 1_000
    assert max(likes) > 20 * statistics.median(likes), "now and then a post goes viral"
    assert all(int(row["impresiones"]) >= int(row["alcance"]) > 0 for row in posts)
    assert {row["tipo_contenido"] for row in posts} == {"image", "video", "carousel", "link", "text"}
    assert all((row["tipo_contenido"] == "video") == bool(row["reproducciones"]) for row in posts)
    assert all(row["contenido"].count("#") >= len(row["hashtags"].split(",")) for row in posts if row["hashtags"])
    assert not any("{" in row["contenido"] or " de el " in row["contenido"] for row in posts)
    assert len({row["contenido"] for row in posts}) > len(posts) / 4


def test_followers_grow_and_sometimes_leave(files: dict[str, list[ImportFile]]) -> None:
    by_account: dict[str, list[int]] = {}
    for row in every(files, "metrics"):
        by_account.setdefault(row["cuenta"], []).append(int(row["seguidores"]))
    for followers in by_account.values():
        steps = [after - before for before, after in pairwise(followers)]
        assert followers[-1] > 1.1 * followers[0]
        assert min(steps) < 0 < max(steps)
        assert max(map(abs, steps)) < followers[0] / 20


def test_the_eleven_insurance_tables_have_their_columns_and_some_dirt(files: dict[str, list[ImportFile]]) -> None:
    tables = {file.title: rows_of(file) for file in files["TechCorp"] if file.parameters["kind"] == "dataset"}
    assert tables.keys() == INSURANCE.keys()
    assert all(INSURANCE[name] <= rows[0].keys() for name, rows in tables.items())
    users, policies = tables["mysql/users"], tables["postgresql/policies"]
    assert 0 < sum(not row["email"] for row in users) < len(users) / 20
    assert 0 < sum(not row["created_at"].startswith("20") for row in users) < len(users) / 20
    clients = {row["id"] for row in tables["mysql/clients"]}
    assert 0 < sum(row["customer_id"] not in clients for row in policies) < len(policies) / 20
    assert len(tables["cassandra/reclamos"]) > 300
    assert len(tables["cassandra/pagos"]) > 5_000


def test_purchases_are_of_many_customers_and_none_is_in_the_future(files: dict[str, list[ImportFile]]) -> None:
    rows = every(files, "transactions")
    assert len({row["id_cuenta"] for row in rows}) > 1_000
    assert max(row["fecha"] for row in rows) < "2026-07-01"
    assert 0.98 < sum(bool(row["monto"]) and float(row["monto"]) > 0 for row in rows) / len(rows) < 1


def test_another_last_day_moves_the_whole_window() -> None:
    posts = next(files_of(COMPANIES[1], date(2025, 3, 15)))
    assert max(row["fecha_publicacion"] for row in rows_of(posts)) < "2025-03-16T05:00:00Z"
