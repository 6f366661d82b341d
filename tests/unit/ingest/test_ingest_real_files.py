"""Real files, imported whole and compared with what Python's csv module reads in them."""

import csv
import gzip
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from atalaya.ingest.v1 import records_pb2
from atalaya.jobs.v1 import job_pb2
from support.ingest_running import Tenant

pytestmark = pytest.mark.slow

SUCCEEDED = job_pb2.JobStatus.SUCCEEDED


def read(path: Path) -> tuple[bytes, list[dict[str, str]]]:
    content = gzip.decompress(path.read_bytes())
    return content, list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def account_numbers(tenant: Tenant) -> dict[str, int]:
    rows = tenant.query("SELECT username, id_usuario FROM accounts WHERE tenant_id = {tenant}")
    return {row["username"]: row["id_usuario"] for row in rows}


def differences(found: dict[Any, Any], expected: dict[Any, Any]) -> list[Any]:
    """Gives the first few: pytest would take minutes to compare tens of thousands of rows in words."""
    keys = list(dict.fromkeys([*expected, *found]))
    return [(key, found.get(key), expected.get(key)) for key in keys if found.get(key) != expected.get(key)][:3]


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[int, str], dict[str, Any]]:
    return {(row["id_usuario"], row["id_externo"]): row for row in rows}


async def test_all_facebook_posts_are_kept_as_the_file_has_them(tenant: Tenant, shared_data: Path) -> None:
    content, rows = read(shared_data / "posts_facebook_pages" / "facebook_posts.csv.gz")
    job = await tenant.run(content, kind="posts", account_column="page", create_accounts=True, timezone="Etc/GMT+5")
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, 77_332, 77_332, 0), job
    numbers = account_numbers(tenant)
    zone = timezone(timedelta(hours=-5))
    expected = {
        (numbers[row["page"]], row["status_id"]): (
            row["status_message"],
            datetime.strptime(row["status_published"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone),
            int(row["num_likes"]),
            int(row["num_comments"]),
            int(row["num_shares"]),
            row["status_type"],
        )
        for row in rows
    }
    columns = ("contenido", "fecha_publicacion", "likes", "comentarios", "compartidos", "tipo_contenido")
    kept = by_key(tenant.query("SELECT * FROM posts WHERE tenant_id = {tenant}"))
    assert not differences({key: tuple(row[name] for name in columns) for key, row in kept.items()}, expected)
    numbers_given = sorted(row["id_publicacion"] for row in kept.values())
    assert (numbers_given[0], numbers_given[-1], len(set(numbers_given))) == (1, 77_332, 77_332)
    in_lake = by_key(tenant.lake_rows("social/posts"))
    assert not differences({key: tuple(row[name] for name in columns) for key, row in in_lake.items()}, expected)
    again = await tenant.run(content, kind="posts", account_column="page", timezone="Etc/GMT+5")
    assert (again.rows_written, again.rows_unchanged) == (0, 77_332)


async def test_all_spanish_posts_are_read_back_through_the_service(tenant: Tenant, shared_data: Path) -> None:
    content, rows = read(shared_data / "posts_mx_spanish" / "mx_posts.csv.gz")
    job = await tenant.run(content, kind="posts", account_column="username", create_accounts=True)
    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 9_114, 9_114), job
    assert job.details["left_alone"] == "quotes"
    for account in ("CarlosLoret", "elcapiperez"):
        expected = {
            row["url"]: (
                row["text"],
                datetime.fromisoformat(row["published_utc"]),
                int(row["likes"] or 0),
                int(row["shares"] or 0),
                row["platform"],
                " ".join(re.findall(r"#\w+", row["text"])),
            )
            for row in rows
            if row["username"] == account
        }
        posts = await tenant.posts(account)
        assert not differences({post.id_externo: seen(post) for post in posts}, expected)
        times = [post.fecha_publicacion.ToDatetime() for post in posts]
        assert times == sorted(times)


def seen(post: records_pb2.Publicacion) -> tuple[object, ...]:
    time = post.fecha_publicacion.ToDatetime(UTC)
    return post.contenido, time, post.likes, post.compartidos, post.plataforma, post.hashtags


async def test_daily_followers_of_all_channels_are_kept(tenant: Tenant, shared_data: Path) -> None:
    content, rows = read(shared_data / "followers_youtube_daily" / "youtube_daily.csv.gz")
    job = await tenant.run(
        content, kind="metrics", account_column="channel_title", create_accounts=True, timezone="UTC"
    )
    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 22_523, 22_523), job
    assert job.details["mapping"] == ("hora:date_utc, seguidores:subscriber_count, publicaciones_totales:video_count")
    numbers = account_numbers(tenant)
    expected = {
        (numbers[row["channel_title"].strip()], datetime.fromisoformat(f"{row['date_utc']}T00:00:00+00:00")): (
            int(row["subscriber_count"]),
            int(row["video_count"]),
        )
        for row in rows
    }
    for kept in (
        tenant.query("SELECT * FROM metrics WHERE tenant_id = {tenant}"),
        tenant.lake_rows("social/metrics"),
    ):
        found = {(row["id_usuario"], row["hora"]): (row["seguidores"], row["publicaciones_totales"]) for row in kept}
        assert not differences(found, expected)


async def test_all_cdnow_purchases_become_transactions(tenant: Tenant, shared_data: Path) -> None:
    content, rows = read(shared_data / "rfm_cdnow" / "cdnow_master.csv.gz")
    job = await tenant.run(content, kind="transactions", timezone="America/Lima")
    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 69_659, 69_659), job
    [file] = (tenant.lake / "datavision" / "transactions").iterdir()
    expected = [
        {"id_cuenta": row["customer_id"], "fecha": f"{row['date']}T05:00:00Z", "monto": row["dollar_value"]}
        for row in rows
    ]
    found = pq.read_table(file).to_pylist()
    assert not differences(dict(enumerate(found)), dict(enumerate(expected)))
    again = await tenant.run(content, kind="transactions", timezone="America/Lima")
    assert (again.rows_written, again.rows_unchanged) == (0, 69_659)


async def test_all_tweets_of_a_damaged_export_are_kept(tenant: Tenant, shared_data: Path) -> None:
    content = (shared_data / "tweets_fivethirtyeight" / "BarackObama.csv.gz").read_bytes()
    job = await tenant.run(content, kind="posts", account_column="user", create_accounts=True, timezone="UTC")
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, 3_207, 3_207, 0), job
    assert (job.details["encoding"], job.details["compression"]) == ("cp1252", "gzip")
    # The bytes that cp1252 has no letter for keep their numbers.
    text = gzip.decompress(content).decode("latin-1")
    text = re.sub("[\x80-\x9f]", lambda found: found[0].encode("latin-1").decode("cp1252", "as_it_is"), text)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    kept = {row["id_externo"]: row for row in tenant.query("SELECT * FROM posts WHERE tenant_id = {tenant}")}
    expected = {
        row["url"]: (row["text"], int(row["favorites"]), int(row["retweets"]), int(row["replies"])) for row in rows
    }
    columns = ("contenido", "likes", "compartidos", "comentarios")
    assert not differences({key: tuple(row[name] for name in columns) for key, row in kept.items()}, expected)


async def test_daily_subscribers_of_1618_communities_are_kept(tenant: Tenant, shared_data: Path) -> None:
    path = shared_data / "followers_subreddits_daily" / "subreddits_daily.csv.gz"
    job = await tenant.run(
        path.read_bytes(), kind="metrics", account_column="display_name", create_accounts=True, timezone="UTC"
    )
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, 61_484, 61_484, 0), job
    _, rows = read(path)
    numbers = account_numbers(tenant)
    assert len(numbers) == 1_618
    expected = {(numbers[row["display_name"]], row["date_utc"]): int(row["num_subscribers"]) for row in rows}
    kept = tenant.query("SELECT id_usuario, hora, seguidores FROM metrics WHERE tenant_id = {tenant}")
    found = {(row["id_usuario"], f"{row['hora'].astimezone(UTC):%Y-%m-%d}"): row["seguidores"] for row in kept}
    assert not differences(found, expected)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("cdnow_sample.csv.gz", 6_919),
        ("cdnow_customers_summary.csv.gz", 2_357),
        ("cdnow_customers_summary_with_transactions.csv.gz", 2_357),
        ("raw_CDNOW_master.txt.gz", 69_659),
    ],
)
async def test_other_tables_of_cdnow_are_datasets_cell_by_cell(
    tenant: Tenant, shared_data: Path, name: str, count: int
) -> None:
    content = (shared_data / "rfm_cdnow" / name).read_bytes()
    job = await tenant.run(content, kind="dataset", dataset="cdnow")
    assert (job.status, job.rows_read, job.rows_written, job.rows_rejected) == (SUCCEEDED, count, count, 0), job
    with (tenant.lake / "datasets" / "cdnow" / "cdnow.csv").open(newline="", encoding="utf-8") as file:
        kept = list(csv.reader(file))
    text = gzip.decompress(content).decode()
    # The raw master has columns of fixed width: each of its lines is one cell.
    rows = (
        csv.reader(io.StringIO(text, newline=""))
        if name.endswith(".csv.gz")
        else ([line] for line in text.splitlines())
    )
    assert kept == list(rows)


async def test_a_sample_of_cdnow_becomes_transactions(tenant: Tenant, shared_data: Path) -> None:
    content = (shared_data / "rfm_cdnow" / "cdnow_sample.csv.gz").read_bytes()
    job = await tenant.run(content, kind="transactions", mapping="id_cuenta:master_id")
    assert (job.status, job.rows_read, job.rows_written) == (SUCCEEDED, 6_919, 6_919), job
    [file] = (tenant.lake / "datavision" / "transactions").iterdir()
    amounts = [round(float(row["monto"]) * 100) for row in pq.read_table(file).to_pylist()]
    assert sum(amounts) == 24_409_194
