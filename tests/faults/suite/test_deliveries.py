"""What is delivered several times and out of order is there as if it had come once and in order."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
from support.newcomer import ended, uploaded
from support.running_suite import RunningSuite
from support.suite_findings import Findings

if TYPE_CHECKING:
    from faults.conftest import Report

FILES, ROWS, DELIVERIES = 5, 60, 3
CLIENTS = 50
CONTENT = "SELECT id_externo, contenido, likes, fecha_publicacion FROM posts ORDER BY 1"


def test_files_that_come_three_times_and_out_of_order_count_once(
    suite: RunningSuite, report: "Report", seed: int
) -> None:
    chance = random.Random(seed)
    files = [posts(chance, number) for number in range(FILES)]
    clean, disturbed = suite.provision([{"name": f"clean-{seed}"}, {"name": f"disturbed-{seed}"}])["tenants"]
    deliver(suite, clean, files, at_a_time=1)
    thrice = files * DELIVERIES
    chance.shuffle(thrice)
    jobs = deliver(suite, disturbed, thrice, at_a_time=4)
    report.count("fault: files come three times and out of order")
    assert sum(job["rows_read"] for job in jobs) == FILES * ROWS * DELIVERIES
    assert sum(job["rows_written"] for job in jobs) == FILES * ROWS
    assert sum(job["rows_unchanged"] for job in jobs) == FILES * ROWS * (DELIVERIES - 1)
    expected, found = Findings(suite, clean["id"]), Findings(suite, disturbed["id"])
    assert found.query(CONTENT) == expected.query(CONTENT)
    assert found.lake_differences() == []
    assert sorted(found.posts_of_the_lake()) == sorted(expected.posts())


def posts(chance: random.Random, number: int) -> bytes:
    """A file of posts that no other file has."""
    rows = (
        f"2024-{chance.randrange(1, 4):02d}-{chance.randrange(1, 29):02d} 10:00:00,texto {row},{chance.randrange(999)},"
        f"{number}-{row}"
        for row in range(ROWS)
    )
    return ("fecha,texto,likes,id\n" + "\n".join(rows) + "\n").encode()


def deliver(suite: RunningSuite, tenant: dict[str, Any], files: list[bytes], at_a_time: int) -> list[dict[str, Any]]:
    """Imports the files in their order, so many of them at the same time, and gives their jobs."""
    with suite.client(tenant["loader_token"]) as client, ThreadPoolExecutor(at_a_time) as threads:
        add_account(client)
        replies = list(threads.map(lambda file: uploaded(client, file, kind="posts", account="banco"), files))
        jobs = [ended(client, reply) for reply in replies]
    assert all(job["status"] == "SUCCEEDED" for job in jobs), jobs
    return jobs


def add_account(client: httpx.Client) -> None:
    client.post("/api/v1/social-accounts", json={"platform": "csv", "username": "banco"}).raise_for_status()


def test_one_key_from_fifty_clients_at_once_is_done_once(suite: RunningSuite, report: "Report", seed: int) -> None:
    one, other = suite.provision([{"name": f"keys-{seed}"}, {"name": f"other-keys-{seed}"}])["tenants"]
    content = posts(random.Random(seed), 1)
    key = {"idempotency-key": f"fifty-{seed}", "content-type": "text/csv"}
    parameters = {"kind": "posts", "account": "banco"}

    def send(client: httpx.Client, file: bytes = content) -> httpx.Response:
        return client.post("/api/v1/data/import", params=parameters, content=file, headers=key)

    with suite.client(one["loader_token"]) as client, ThreadPoolExecutor(CLIENTS) as threads:
        add_account(client)
        replies = list(threads.map(lambda _: send(client), range(CLIENTS)))
        taken = [reply for reply in replies if reply.status_code == httpx.codes.ACCEPTED]
        others = [reply for reply in replies if reply.status_code != httpx.codes.ACCEPTED]
        assert len({reply.json()["job_id"] for reply in taken}) == 1
        assert {(reply.status_code, reply.json()["code"]) for reply in others} <= {(409, "IDEMPOTENCY_KEY_IN_USE")}
        assert ended(client, taken[0])["rows_written"] == ROWS
        changed = send(client, content + b"2024-01-01,otro,1,otro\n")
        assert (changed.status_code, changed.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert Findings(suite, one["id"]).imports().total() == 1
    with suite.client(other["loader_token"]) as client:
        add_account(client)
        assert ended(client, send(client))["rows_written"] == ROWS
    report.count("fault: one key from fifty clients")
    report.count("answers to one key that were the first one's", len(taken))
    report.count("answers to one key that say that it is under way", len(others))


def test_one_key_from_fifty_clients_writes_one_post(suite: RunningSuite, report: "Report", seed: int) -> None:
    (tenant,) = suite.provision([{"name": f"posts-keys-{seed}"}])["tenants"]
    body = {"contenido": "una vez", "fecha_publicacion": "2024-05-06T07:08:09Z"}
    with suite.client(tenant["loader_token"]) as client, ThreadPoolExecutor(CLIENTS) as threads:
        add_account(client)

        def send(_number: int) -> httpx.Response:
            return client.post("/crud/publicaciones/banco", json=body, headers={"idempotency-key": f"post-{seed}"})

        replies = list(threads.map(send, range(CLIENTS)))
    made = [reply.json() for reply in replies if reply.status_code == httpx.codes.CREATED]
    assert all(answer == made[0] for answer in made)
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert Findings(suite, tenant["id"]).query("SELECT contenido FROM posts") == [("una vez",)]
    report.count("fault: one key from fifty clients")
