"""Posts, metrics and comments over REST: the documented forms, statuses and errors."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from support.newcomer import imported, newcomer
from support.running_suite import RunningSuite

POST = {
    "contenido": "Hola #Lima",
    "fecha_publicacion": "2025-06-28T15:30:00Z",
    "likes": 1,
    "comentarios": 0,
    "compartidos": 0,
    "tipo_contenido": "photo",
    "hashtags": "",
    "menciones": 0,
}
READING = {
    "seguidores": 1,
    "siguiendo": 1,
    "publicaciones_totales": 1,
    "alcance_promedio": 1,
    "impresiones": 1,
    "hora": "2025-06-30T05:00:00Z",
}
POSTS = "/crud/publicaciones/banco"


@pytest.fixture(scope="module")
def client(suite: RunningSuite) -> Iterator[httpx.Client]:
    """Somebody with the account `banco`."""
    with newcomer(suite, uuid4().hex) as client:
        said = client.post("/api/v1/social-accounts", json={"platform": "csv", "username": "banco"})
        said.raise_for_status()
        yield client


def refused(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


def test_a_post_is_made_read_changed_and_deleted(client: httpx.Client) -> None:
    made = client.post(POSTS, json=POST)
    number = made.json()["id_publicacion"]
    path = f"{POSTS}/{number}"
    assert made.status_code == httpx.codes.CREATED
    assert {name: made.json()[name] for name in POST} == POST
    assert made.json()["id"] == number
    assert client.get(path).json() == made.json()
    changed = client.put(path, json={**POST, "likes": 7})
    assert (changed.status_code, changed.json()["likes"]) == (200, 7)
    sent_back = client.put(path, json={**changed.json(), "likes": 8})
    assert (sent_back.status_code, sent_back.json()) == (200, {**changed.json(), "likes": 8})
    deleted = client.delete(path)
    assert (deleted.status_code, deleted.json()) == (200, {})
    for again in (client.get(path), client.delete(path), client.put(path, json=POST)):
        assert refused(again) == (404, "PUBLICACION_NOT_FOUND")


def test_of_the_same_post_sent_many_times_at_once_one_is_made(client: httpx.Client) -> None:
    post = {**POST, "contenido": "many at once"}
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: client.post(POSTS, json=post), range(8)))
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 7
    assert {reply.json()["code"] for reply in replies if reply.status_code != 201} == {"PUBLICACION_EXISTS"}


def test_an_account_that_is_not_the_companys_is_forbidden(client: httpx.Client) -> None:
    for reply in (client.post("/crud/publicaciones/nobody", json=POST), client.get("/crud/publicaciones/nobody/1")):
        assert refused(reply) == (403, "ACCOUNT_FORBIDDEN")
    assert refused(client.get("/api/v1/comments", params={"account": "nobody"})) == (403, "ACCOUNT_FORBIDDEN")


def test_fields_that_are_the_servers_are_not_the_callers_to_set(client: httpx.Client) -> None:
    own = {"id": 4711, "id_publicacion": 4711, "id_usuario": 4711, "tenant_id": str(uuid4()), "clave": "x"}
    for name, value in own.items():
        reply = client.post(POSTS, json={**POST, "contenido": "overfull", name: value})
        assert (reply.status_code, name in reply.json()["detail"]) == (400, True)
    assert "overfull" not in client.get(POSTS).text
    assert client.get(f"{POSTS}/4711").status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"contenido": "a\\u0000b", "fecha_publicacion": "2025-06-28T15:30:00Z"}', 400),
        (b'{"contenido": "\\ud800", "fecha_publicacion": "2025-06-28T15:30:00Z"}', 400),
        (b'{"contenido": "a", "fecha_publicacion": "ayer"}', 400),
        (b'{"contenido": "a"}', 422),
        (b'{"contenido": "a", "fecha_publicacion": "2025-06-28T15:30:00Z", "likes": -1}', 422),
    ],
)
def test_what_cannot_be_kept_is_refused(client: httpx.Client, body: bytes, status: int) -> None:
    reply = client.post(POSTS, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == status, reply.text
    assert reply.json()["detail"]


def test_readings_are_made_once_and_the_newest_of_each_account_is_listed(client: httpx.Client) -> None:
    made = client.post("/crud/metricas/banco", json=READING)
    assert made.status_code == httpx.codes.CREATED
    assert {name: made.json()[name] for name in READING} == READING
    assert refused(client.post("/crud/metricas/banco", json=READING)) == (409, "METRICA_EXISTS")
    [newest] = client.get("/crud/metricas/empresa_usuarios").json()
    assert (newest["cuenta"], newest["seguidores"], newest["hora"]) == ("banco", 1, READING["hora"])


def test_comments_come_newest_first_in_pages(client: httpx.Client) -> None:
    file = b"post_id,author,text,created_at\np1,ana,uno,2025-06-28\np1,,dos,2025-06-29\n"
    imported(client, file, kind="comments", account="banco")
    page = client.get("/api/v1/comments", params={"account": "banco", "page_size": 1}).json()
    assert [comment["text"] for comment in page["comments"]] == ["dos"]
    token = page["next_page_token"]
    page = client.get("/api/v1/comments", params={"account": "banco", "page_size": 1, "page_token": token}).json()
    assert page["comments"][0] == {
        **page["comments"][0],
        "post_id": "p1",
        "author": "ana",
        "text": "uno",
        "likes": 0,
        "reply_to": "",
    }
    assert page["next_page_token"] == ""


def test_an_account_is_set_aside_and_removed(client: httpx.Client) -> None:
    account = client.post("/api/v1/social-accounts", json={"platform": "csv", "username": "caja"}).json()
    path = f"/api/v1/social-accounts/{account['id']}"
    assert client.put(path, json={"is_active": False}).json()["is_active"] is False
    headers = {"content-type": "text/csv"}
    query = {"kind": "posts", "account": "caja"}
    reply = client.post("/api/v1/data/import", params=query, content=b"fecha,texto\n2025-01-01,a\n", headers=headers)
    assert refused(reply) == (409, "ACCOUNT_INACTIVE")
    deleted = client.delete(path)
    assert (deleted.status_code, deleted.json()) == (200, {})
    assert refused(client.delete(path)) == (404, "SOCIAL_ACCOUNT_NOT_FOUND")
