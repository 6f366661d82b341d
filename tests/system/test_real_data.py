"""Real data through the real gateway: imported, read back, trained on, segmented, scored."""

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.newcomer import imported, newcomer
from support.running_suite import RunningSuite

FACEBOOK_ZONE = timezone(timedelta(hours=-5))
HELD_OUT = 28
CHANNELS = 3
Row = dict[str, str]


@pytest.fixture(scope="module")
def client(suite: RunningSuite) -> Iterator[httpx.Client]:
    with newcomer(suite, "real-data") as client:
        yield client


# The same as with the Spanish posts, with eight times as many rows.
@pytest.mark.slow
def test_every_facebook_post_is_read_back_as_the_file_has_it(client: httpx.Client, shared_data: Path) -> None:
    content, rows = read(shared_data / "posts_facebook_pages/facebook_posts.csv.gz")
    job = imported(client, content, kind="posts", account_column="page", create_accounts="true", timezone="Etc/GMT+5")
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (77_332, 77_332, 0), job
    expected = defaultdict(list)
    for row in rows:
        expected[row["page"]].append(facebook_post(row))
    kept = {page: sorted(post(each) for each in pages(client, f"/crud/publicaciones/{page}")) for page in expected}
    assert kept == {page: sorted(posts) for page, posts in expected.items()}


def test_every_spanish_post_is_read_back_as_the_file_has_it(client: httpx.Client, shared_data: Path) -> None:
    content, rows = read(shared_data / "posts_mx_spanish/mx_posts.csv.gz")
    job = imported(client, content, kind="posts", account_column="username", create_accounts="true")
    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (9_114, 9_114, 0), job
    expected = defaultdict(list)
    for row in rows:
        counts = (int(row[name] or 0) for name in ("likes", "comments", "shares"))
        expected[row["username"]].append((datetime.fromisoformat(row["published_utc"]), row["text"], *counts, ""))
    kept = {name: sorted(post(each) for each in pages(client, f"/crud/publicaciones/{name}")) for name in expected}
    assert kept == {name: sorted(posts) for name, posts in expected.items()}


# Of the models themselves the tests of ml say the same in less time.
@pytest.mark.slow
def test_forecasts_of_real_channels_beat_no_change(client: httpx.Client, shared_data: Path) -> None:
    _, rows = read(shared_data / "followers_youtube_daily/youtube_daily.csv.gz")
    channels = longest_channels(rows)
    training = [row for readings in channels.values() for row in readings[:-HELD_OUT]]
    job = imported(client, as_csv(training), kind="metrics", account_column="channel_id", create_accounts="true")
    assert job["rows_written"] == len(training), job
    wins = sum(beats_no_change(client, channel, readings) for channel, readings in channels.items())
    assert wins > CHANNELS / 2


def test_real_purchases_are_segmented(client: httpx.Client, shared_data: Path) -> None:
    content, rows = read(shared_data / "rfm_cdnow/cdnow_master.csv.gz")
    job = imported(client, content, kind="transactions")
    assert (job["rows_read"], job["rows_written"]) == (69_659, 69_659), job
    buyers = {row["customer_id"] for row in rows if float(row["dollar_value"]) > 0}
    reply = client.get("/api/v1/rfm/segmentos").json()
    assert reply["total_clientes"] == len(buyers)
    assert sum(segment["clientes"] for segment in reply["segmentos"]) == len(buyers)
    assert reply["as_of"] == "1998-06-30"
    customer = client.get(f"/api/v1/rfm/cliente/{rows[0]['customer_id']}").json()
    assert (customer["recencia"], customer["frecuencia"], customer["monto"]) == (545, 1, 11.77)


def test_real_tweets_are_scored_better_than_by_chance(client: httpx.Client, shared_data: Path) -> None:
    _, rows = read(shared_data / "text_sentiment/umsab_es_val.csv.gz")
    reply = client.post("/api/v1/insights/sentiment", json={"texts": [row["text"] for row in rows]}).json()
    right = sum(result["label"] == row["label"] for result, row in zip(reply["results"], rows, strict=True))
    # The classes are of one size: chance is a third.
    assert right / len(rows) > 0.5


def read(path: Path) -> tuple[bytes, list[Row]]:
    content = gzip.decompress(path.read_bytes())
    return content, list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def as_csv(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def pages(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    offset = 0
    while rows := client.get(path, params={"limit": 1000, "offset": offset}).raise_for_status().json():
        yield from rows
        offset += len(rows)


def facebook_post(row: Row) -> tuple[Any, ...]:
    published = datetime.strptime(row["status_published"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=FACEBOOK_ZONE)
    counts = (int(row["num_likes"]), int(row["num_comments"]), int(row["num_shares"]))
    return (published, row["status_message"], *counts, row["status_type"])


def post(row: dict[str, Any]) -> tuple[Any, ...]:
    counts = (row["likes"], row["comentarios"], row["compartidos"])
    return (datetime.fromisoformat(row["fecha_publicacion"]), row["contenido"], *counts, row["tipo_contenido"])


def longest_channels(rows: list[Row]) -> dict[str, list[Row]]:
    channels = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["date_utc"]):
        channels[row["channel_id"]].append(row)
    return dict(sorted(channels.items(), key=lambda item: (-len(item[1]), item[0]))[:CHANNELS])


def beats_no_change(client: httpx.Client, channel: str, readings: list[Row]) -> bool:
    """Trains on all but the held-out days and compares the mean absolute errors over these."""
    client.post(f"/regression/train/{channel}", timeout=60).raise_for_status()
    truth = {row["date_utc"]: int(row["subscriber_count"]) for row in readings[-HELD_OUT:]}
    last = readings[-HELD_OUT - 1]
    days = (date.fromisoformat(max(truth)) - date.fromisoformat(last["date_utc"])).days
    reply = client.get(f"/regression/predict/{channel}", params={"dias": days}).raise_for_status().json()
    predicted = {point["date"]: point["prediction"] for point in reply["series"]}
    error = sum(abs(predicted[day] - value) for day, value in truth.items() if day in predicted)
    no_change = sum(abs(int(last["subscriber_count"]) - value) for day, value in truth.items() if day in predicted)
    return bool(error < no_change)
