"""A company leaves a running suite: nothing of it is left anywhere, and nothing of another one has changed."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import redis
import redis.asyncio
from local_suite.programs import postgres_server
from service_runtime.limits import Window
from service_runtime.limits_redis import RedisCounters
from support.leaving import checksums, rows_with
from support.newcomer import imported
from support.running_suite import RunningSuite, wait_until

pytestmark = pytest.mark.slow

PASSWORD = "una clave larga de cinco palabras"
TOKENS_DEAD_SECONDS = 60
ERASED_SECONDS = 120
# One route of each service.
ROUTES = (
    "/api/v1/users/me",
    "/api/v1/social-accounts",
    "/regression/metrics/banco",
    "/api/v1/insights/sentiment?account=banco",
    "/data/info",
)
# The tenant's id alone, for as long as one of its tokens might hold.
UNTIL_TOKENS_EXPIRE = {"auth": {"revocations": 1, "erasures": 1}}
DAYS = [date(2026, 1, 1) + timedelta(day) for day in range(60)]
POSTS = "fecha,texto,likes\n" + "".join(f"{day},muy buen servicio {day},{day.day}\n" for day in DAYS)
METRICS = "fecha,seguidores\n" + "".join(f"{day},{1000 + 7 * n}\n" for n, day in enumerate(DAYS))
TRANSACTIONS = "id_cuenta,fecha,monto\n" + "".join(f"C{n % 9},{day},{10 + n}\n" for n, day in enumerate(DAYS))


@dataclass
class Company:
    """A tenant with somebody who may do everything, and data in every service."""

    suite: RunningSuite
    name: str = field(default_factory=lambda: f"Empresa {uuid4().hex}")
    email: str = field(default_factory=lambda: f"{uuid4().hex}@example.com")

    def register(self) -> httpx.Response:
        person = {"email": self.email, "password": PASSWORD, "full_name": "Rosa Quispe", "tenant_name": self.name}
        with self.suite.client() as client:
            return client.post("/api/v1/auth/register", json=person)

    def begin(self) -> None:
        registered = self.register()
        assert registered.status_code == httpx.codes.CREATED, registered.text
        reply = registered.json()
        self.refresh_token: str = reply["refresh_token"]
        self.tenant_id: str = reply["user"]["tenant_id"]
        self.client = self.suite.client(reply["access_token"])
        made = self.client.post("/api/v1/api-keys", json={"name": "loader", "role": "user"})
        assert made.status_code == httpx.codes.OK, made.text
        self.key: str = made.json()["key"]
        imported(self.client, POSTS.encode(), kind="posts", account="banco", create_accounts="true")
        imported(self.client, METRICS.encode(), kind="metrics", account="banco")
        imported(self.client, TRANSACTIONS.encode(), kind="transactions")
        self.client.post("/regression/train/banco", timeout=60).raise_for_status()
        self.client.get("/api/v1/insights/sentiment", params={"account": "banco"}).raise_for_status()
        assert self.client.get("/api/v1/rfm/segmentos").raise_for_status().json()["total_clientes"] == 9
        offer = self.client.put("/api/v1/rfm/segmentos/Campeones/beneficios", json={"beneficios": ["Envío gratuito"]})
        offer.raise_for_status()

    def words(self) -> tuple[str, ...]:
        return self.tenant_id, self.email, self.name

    def rows(self) -> dict[str, dict[str, int]]:
        """Counts the rows that hold its id or names, in any column of any table of any service."""
        return {name: found for name, found in self._ask(rows_with, *self.words()).items() if found}

    def checksums(self) -> dict[str, Any]:
        files = {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in self.files()}
        return self._ask(checksums, self.tenant_id) | {"files": files}

    def files(self) -> list[Path]:
        """Its objects in the lake, and every file of analytics' cache that tells of it."""
        lake = self.suite.home.lake / f"tenant={self.tenant_id}"
        cache = self.suite.home.path / "cache"
        about = [file for file in cache.rglob("*.json") if self.tenant_id in file.read_text()]
        made = [file for note in about for file in note.parent.glob(f"{note.stem}.*")]
        return sorted({file for file in lake.rglob("*") if file.is_file()} | set(made))

    def folders(self) -> list[Path]:
        return [path for path in self.suite.home.path.rglob(f"*{self.tenant_id}*") if path.is_dir()]

    def is_quiet(self) -> bool:
        """Tells whether nothing of it is under way, such as an event to the trail; the night's clean-up only waits."""
        return not any(self._ask(under_way, self.tenant_id).values())

    def delete(self, **changes: str) -> httpx.Response:
        body = {"password": PASSWORD, "name": self.name, **changes}
        return self.client.request("DELETE", "/api/v1/tenant", json=body)

    def _ask(self, question: Callable[..., Any], *words: str) -> dict[str, Any]:
        """Asks each database that there is."""
        server, answers = postgres_server(self.suite.home), {}
        with server.connect() as connection:
            names = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").fetchall()
        for (name,) in names:
            with server.connect(name) as connection:
                answers[name.removeprefix("atalaya_")] = question(connection, *words)
        return answers


def test_a_company_leaves_and_nothing_of_it_is_left(suite: RunningSuite) -> None:
    leaving, staying = Company(suite), Company(suite)
    with ExitStack() as opened:
        for company in (leaving, staying):
            company.begin()
            opened.callback(company.client.close)
        see_it_leave(suite, leaving, staying)


def see_it_leave(suite: RunningSuite, leaving: Company, staying: Company) -> None:
    for company in (leaving, staying):
        wait_until(company.is_quiet, 180, "something is still under way")
    # Positive control: the looks find what is there before.
    before = leaving.rows()
    assert before.keys() >= {"auth", "ingest", "ml", "insights", "analytics"}
    assert before["ingest"].keys() >= {"accounts", "posts", "metrics", "imports", "jobs"}
    assert before["analytics"].keys() >= {"rfm_tables", "rfm_moves", "rfm_benefits", "jobs"}
    assert len(leaving.files()) > 5
    assert leaving.folders()
    asyncio.run(count_a_call(suite, leaving))
    assert redis_keys(suite, leaving.tenant_id)
    assert [status(leaving, route) for route in ROUTES] == [200] * len(ROUTES)
    assert leaving.register().status_code == httpx.codes.CONFLICT
    assert leaving.delete(name="another").json()["code"] == "WRONG_TENANT_NAME"
    kept = staying.checksums()

    deleted = leaving.delete()
    assert deleted.status_code == httpx.codes.ACCEPTED, deleted.text
    assert deleted.json()["status"] == "QUEUED"

    seconds = wait_until(lambda: tokens_are_dead(leaving), TOKENS_DEAD_SECONDS, "a token still holds")
    assert seconds < TOKENS_DEAD_SECONDS
    erasure = erased(suite, deleted.json()["job_id"])
    assert erasure["rows"] >= sum(before["ingest"].values()) - before["ingest"].get("procrastinate_jobs", 0)
    assert erasure["objects"] > 5
    assert leaving.rows() == UNTIL_TOKENS_EXPIRE
    assert leaving.files() == []
    assert leaving.folders() == []
    assert redis_keys(suite, leaving.tenant_id) == []

    assert staying.checksums() == kept
    assert [status(staying, route) for route in ROUTES] == [200] * len(ROUTES)
    # Names are free again, and who takes them is somebody else.
    again = leaving.register()
    assert again.status_code == httpx.codes.CREATED, again.text
    assert again.json()["user"]["tenant_id"] != leaving.tenant_id


def under_way(connection: Any, tenant_id: str) -> int:
    """Counts what of a tenant is queued for now."""
    if connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone() == (None,):
        return 0
    query = (
        "SELECT count(*) FROM procrastinate_jobs WHERE args->>'tenant_id' = %s "
        "AND (scheduled_at IS NULL OR scheduled_at < now() + interval '5 minutes')"
    )
    return int(connection.execute(query, [tenant_id]).fetchone()[0])


def tokens_are_dead(company: Company) -> bool:
    """Tells whether neither its access token, its refresh token, its API key nor its password opens anything."""
    with company.suite.client() as client:
        refreshed = client.post("/api/v1/auth/refresh", json={"refresh_token": company.refresh_token})
        logged_in = client.post("/api/v1/auth/login", json={"email": company.email, "password": PASSWORD})
        by_key = [client.get(route, headers={"x-api-key": company.key}).status_code for route in ROUTES]
    by_token = [status(company, route) for route in ROUTES]
    return {refreshed.status_code, logged_in.status_code, *by_key, *by_token} == {401}


def status(company: Company, route: str) -> int:
    return company.client.get(route).status_code


def erased(suite: RunningSuite, job_id: str) -> dict[str, Any]:
    """Waits for the end of an erasure, which anybody may follow who knows its id."""
    until = time.monotonic() + ERASED_SECONDS
    with suite.client() as client:
        while (found := client.get(f"/api/v1/erasures/{job_id}").raise_for_status().json())["status"] != "SUCCEEDED":
            assert time.monotonic() < until, found
            time.sleep(0.3)
    return dict(found)


async def count_a_call(suite: RunningSuite, company: Company) -> None:
    """Counts a call as the services do, for this suite's limits are switched off."""
    async with redis.asyncio.Redis(unix_socket_path=str(suite.home.sockets / "redis.sock")) as client:
        await RedisCounters(client).count(f"{company.tenant_id}:rosa", [Window(60, 60)])


def redis_keys(suite: RunningSuite, word: str) -> list[str]:
    with redis.Redis(unix_socket_path=str(suite.home.sockets / "redis.sock"), decode_responses=True) as client:
        return [str(key) for key in client.scan_iter(match=f"*{word}*")]
