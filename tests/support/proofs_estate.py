"""What company B owns: something of every kind that an id, a name or a token can point to."""

import asyncio
import csv
import io
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
from local_suite.programs import postgres_server

from support.insurance_data import insurance_files
from support.proofs_belongings import databases
from support.proofs_callers import Person
from support.proofs_house import Company, House

# Stands in every text that B owns, so that B's data is known wherever it turns up.
MARK = "zafiro"
DAYS = 40
LAST_DAY = date(2025, 6, 30)
JOB_SECONDS = 400
MOST_OF_A_KIND = 5
FAR_NUMBER = 700_000_000


@dataclass
class Estate:
    """B's ids by what they are of, and marks that no answer to another company may hold."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)

    @property
    def posts_job(self) -> str:
        """The import that has rejected rows."""
        return self.ids["import"][0]

    def add(self, kind: str, *values: Any) -> None:
        self.ids.setdefault(kind, []).extend(str(value) for value in values if value not in ("", None))

    def one_of_each(self) -> list[str]:
        """One id of each kind, in the order in which they were found."""
        return list(dict.fromkeys(values[0] for values in self.ids.values() if values))


async def settle(house: House) -> Estate:
    """Makes company B rich, over REST as its own people would."""
    estate = Estate(marks=[MARK, house.b.name])
    admin = house.b.people["admin"]
    accounts = [f"{MARK}-{secrets.token_hex(4)}" for _ in range(2)]
    customers = [f"{MARK}-customer-{number}" for number in range(5)]
    estate.add("account", accounts[0])
    estate.add("account that few may see", accounts[1])
    estate.add("customer", customers[0])
    estate.add("import", *await _import_everything(house, house.b, accounts, customers))
    await _write_a_post(house, estate, accounts[0])
    await _use_rfm(house)
    estate.add("export", await _export(house))
    await _train(house, estate, accounts[0])
    await _let_people_in(house, estate)
    await _add_sources(house, estate)
    await _change(house, "PUT", f"/api/v1/account-access/{accounts[1]}", {"users": [house.b.people["viewer"].user_id]})
    await _look_up(house, estate, admin)
    await _look_up_posts(house, estate, accounts[0])
    await asyncio.to_thread(_look_up_jobs, house, estate)
    return estate


async def move_in(house: House) -> dict[str, str]:
    """Gives company A data of its own, so that its calls fail for nothing but the id; gives what fills other fields."""
    account = f"jade-{secrets.token_hex(4)}"
    jobs = await _import_everything(house, house.a, [account], [f"jade-customer-{number}" for number in range(5)])
    return own_fields(account, jobs[0])


def own_fields(account: str, job_id: str) -> dict[str, str]:
    """What a company puts into the fields that are not probed."""
    return {**dict.fromkeys(("cuenta", "usuario", "username", "account"), account), "job_id": job_id}


async def _import_everything(
    house: House, company: Company, accounts: Sequence[str], customers: Sequence[str]
) -> list[str]:
    days = [LAST_DAY - timedelta(days=number) for number in range(DAYS)]
    many = {"account_column": "cuenta", "create_accounts": "true"}
    posts = [
        (account, f"{day}T15:00:00Z", f"{account} post {number}", number % 7 * 10, number % 3, number % 2)
        for account in accounts
        for number, day in enumerate(days)
    ]
    # Rows that are rejected are the company's as well.
    bad = [(accounts[0], "2025-01-01T00:00:00Z", f"{accounts[0]} bad {number}", "many", 0, 0) for number in range(3)]
    readings = [(account, f"{day}T05:00:00Z", 9000 - 20 * n) for account in accounts for n, day in enumerate(days)]
    bought = [(customer, str(day), 10 + n) for n, day in enumerate(days) for customer in customers]
    files: list[tuple[dict[str, str], bytes]] = [
        ({"kind": "posts", **many}, _csv("cuenta,fecha,texto,likes,comentarios,compartidos", [*posts, *bad])),
        ({"kind": "metrics", **many}, _csv("cuenta,hora,seguidores", readings)),
        ({"kind": "transactions"}, _csv("id_cuenta,fecha,monto", bought)),
    ]
    payments = insurance_files(7, scale=0.0002)["cassandra/pagos/pagos.csv"]
    files.append(({"kind": "dataset", "dataset": "cassandra/pagos"}, payments))
    admin = company.people["admin"]
    jobs = [await _upload(house, admin, parameters, content) for parameters, content in files]
    for job in jobs:
        await _ended(house, admin, job)
    return jobs


async def _write_a_post(house: House, estate: Estate, account: str) -> None:
    """Adds a post with a comment, under a number that no other company's posts come near."""
    await asyncio.to_thread(_raise_numbers, house)
    post = {"contenido": f"{account} wrote", "fecha_publicacion": "2025-06-01T12:00:00Z", "id_externo": f"{MARK}-post"}
    said = await _change(house, "POST", f"/crud/publicaciones/{account}", post)
    estate.add("post", said["id"])
    comments = _csv(
        "post_id,text,created_at", [(f"{MARK}-post", f"{account} {word}", "2025-06-02") for word in ("one", "two")]
    )
    admin = house.b.people["admin"]
    await _ended(house, admin, await _upload(house, admin, {"kind": "comments", "account": account}, comments))
    query: dict[str, str | int] = {"account": account, "page_size": 1}
    page = await _reply(house.rest.get("/api/v1/comments", params=query, headers=house.headers(admin)))
    estate.add("page of comments", page["next_page_token"])


def _raise_numbers(house: House) -> None:
    with postgres_server(house.suite.home).connect("atalaya_ingest") as connection:
        raised = "UPDATE counters SET value = %s WHERE tenant_id = %s AND name = 'posts'"
        connection.execute(raised, (FAR_NUMBER, house.b.tenant_id))
        connection.commit()


async def _use_rfm(house: House) -> None:
    """Has segments with benefits of B's own and a history, which a job writes after the first look."""
    await _change(house, "PUT", "/api/v1/rfm/segmentos/Campeones/beneficios", {"beneficios": [f"{MARK} discount"]})
    headers = house.headers(house.b.people["admin"])
    await _reply(house.rest.get("/api/v1/rfm/segmentos", headers=headers))
    until = time.monotonic() + JOB_SECONDS
    while True:
        listed = await _reply(house.rest.get("/api/v1/jobs", params={"kind": "refresh_rfm"}, headers=headers))
        if any(job["status"] == "SUCCEEDED" for job in listed["jobs"]):
            return
        assert time.monotonic() < until, listed
        await asyncio.sleep(0.1)


async def _export(house: House) -> str:
    said = await _change(house, "POST", "/api/v1/data/export", {"kind": "posts", "format": "csv"})
    await _ended(house, house.b.people["admin"], said["job_id"])
    return str(said["job_id"])


async def _train(house: House, estate: Estate, account: str) -> None:
    for what in ("regression", "clustering"):
        said = await _change(house, "POST", f"/{what}/train/{account}", {})
        await _ended(house, house.b.people["admin"], said["job_id"])
        estate.add(f"{what} model", said.get("model_id"))


async def _let_people_in(house: House, estate: Estate) -> None:
    for person in house.b.people.values():
        estate.add("person", person.user_id)
        estate.add("user name", person.username)
        estate.add("address", person.email)
        login = {"email": person.email, "password": person.password}
        for _ in range(2):
            said = await _reply(house.rest.post("/api/v1/auth/login", json=login))
        estate.add("refresh token", said["refresh_token"])
    for role in ("viewer", "admin"):
        key = await _change(house, "POST", "/api/v1/api-keys", {"name": f"{MARK} key", "role": role})
        estate.add("API key", key["id"])
        estate.add("prefix of an API key", key["prefix"])
        estate.marks.append(key["prefix"])
    invited = await _change(house, "POST", "/api/v1/users", {"email": f"new@{house.b.name}.example", "role": "user"})
    estate.add("invitation", invited["id"])


async def _add_sources(house: House, estate: Estate) -> None:
    """Adds two, where nobody need listen: a source is asked when it runs."""
    for kind, port in (("mysql", 13306), ("postgresql", 15432)):
        url = f"{kind}://reader:{MARK}-password@127.0.0.1:{port}/{MARK}"
        wanted = {"name": f"{MARK}-{kind}", "kind": kind, "url": url, "tables": [{"name": "users"}]}
        estate.add("source", (await _change(house, "POST", "/api/v1/sources", wanted))["name"])


async def _look_up(house: House, estate: Estate, admin: Person) -> None:
    """Reads the ids that only lists tell, and a token of each list's second page."""
    estate.add("tenant", admin.tenant_id)
    lists = {
        "/api/v1/users/me/sessions": "sessions",
        "/api/v1/social-accounts": "social_accounts",
        "/api/v1/users": "users",
        "/api/v1/api-keys": "api_keys",
        "/api/v1/audit-events": "events",
        "/api/v1/jobs": "jobs",
        "/api/v1/sources": "sources",
        f"/api/v1/data/imports/{estate.posts_job}/rejected": "rows",
    }
    for path, name in lists.items():
        for size in (1, MOST_OF_A_KIND):
            said = await _reply(house.rest.get(path, params={"page_size": size}, headers=house.headers(admin)))
            estate.add(name, *(item["id"] for item in said[name] if "id" in item))
            estate.add(f"page of {name}", said["next_page_token"])


async def _look_up_posts(house: House, estate: Estate, account: str) -> None:
    """Takes the highest number of a post, which company A, with fewer posts, does not have."""
    headers = house.headers(house.b.people["admin"])
    reply = await house.rest.get(f"/crud/publicaciones/{account}", params={"limit": 1000}, headers=headers)
    estate.add("post", max(post["id_publicacion"] for post in reply.raise_for_status().json()))


def _look_up_jobs(house: House, estate: Estate) -> None:
    """Takes the jobs that no list tells from the databases; some fields take an id without its service."""
    for database in databases(house.suite.home):
        with postgres_server(house.suite.home).connect(database) as connection:
            query = "SELECT id FROM jobs WHERE tenant_id = %s ORDER BY id DESC LIMIT 2"
            if connection.execute("SELECT to_regclass('jobs')").fetchone() == (None,):
                continue
            for (job_id,) in connection.execute(query, (house.b.tenant_id,)).fetchall():
                service = database.removeprefix("atalaya_")
                estate.add(f"job of {service}", f"{service}/{job_id}")
                estate.add(f"job of {service}, bare", job_id)


async def _upload(house: House, admin: Person, parameters: dict[str, str], content: bytes) -> str:
    headers = {**house.headers(admin), "content-type": "text/csv"}
    said = await _reply(house.rest.post("/api/v1/data/import", params=parameters, content=content, headers=headers))
    return str(said["job_id"])


async def _ended(house: House, admin: Person, job_id: str) -> None:
    until = time.monotonic() + JOB_SECONDS
    while True:
        job = await _reply(house.rest.get(f"/api/v1/jobs/{job_id}", headers=house.headers(admin)))
        if job["status"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            assert job["status"] == "SUCCEEDED", job
            return
        assert time.monotonic() < until, job
        await asyncio.sleep(0.1)


async def _change(house: House, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return await _reply(house.rest.request(method, path, json=body, headers=house.headers(house.b.people["admin"])))


async def _reply(call: Any) -> dict[str, Any]:
    reply: httpx.Response = await call
    assert reply.is_success, f"{reply.request.method} {reply.request.url.path}: {reply.status_code} {reply.text[:500]}"
    return dict(reply.json())


def _csv(header: str, rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header.split(","), *rows])
    return text.getvalue().encode()
