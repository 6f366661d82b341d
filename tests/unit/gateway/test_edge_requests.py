"""What is no honest request is refused, or means what it plainly means; never two requests out of one (B-12)."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import raw_http
from support.gateway_process import GatewayProcess
from support.raw_http import Answer, Http2Connection, frame, get, header_block, request, send

pytestmark = pytest.mark.slow

Bearer = Callable[..., dict[str, str]]
ECHO = "/crud/publicaciones/bcp"
LOGIN = b'{"username":"rosa","password":"known to rosa"}'
INNER = "GET /crud/publicaciones/smuggled HTTP/1.1\r\nhost: atalaya\r\n\r\n"


class Upstream:
    """Counts what Envoy passes on to services."""

    def __init__(self, log: Path) -> None:
        self._socket = str(log.with_name("admin.sock"))

    async def requests(self) -> int:
        transport = httpx.AsyncHTTPTransport(uds=self._socket)
        async with httpx.AsyncClient(transport=transport, base_url="http://admin", timeout=60) as admin:
            found = await self._counts(admin)
            async with asyncio.timeout(60):
                # Envoy fetches the keys by itself, from a service, and once more where that took too long.
                while not found["jwks"] or not any(found[name] for name in found if name != "jwks"):
                    await asyncio.sleep(0.05)
                    found = await self._counts(admin)
        return sum(count for name, count in found.items() if name != "jwks") - found["jwks"]

    async def _counts(self, admin: httpx.AsyncClient) -> dict[str, int]:
        stats = (await admin.get("/stats", params={"filter": r"^cluster\..*\.upstream_rq_completed$"})).text
        return {line.split(".")[1]: int(line.rpartition(":")[2]) for line in stats.splitlines()}


@pytest.fixture
def upstream(edge: Any) -> Upstream:
    return Upstream(edge.log)


@pytest.fixture(scope="module")
async def hasty(edge: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    """Another gateway before the same services, which waits for a second only."""
    process = GatewayProcess(
        tmp_path_factory.mktemp("hasty"), str(edge.log.with_name("backend.sock")), reply_timeout_seconds=1
    )
    await process.start()
    yield process
    process.stop()


def authorized(bearer: Bearer) -> str:
    return f"authorization: {bearer()['authorization']}"


AMBIGUOUS = {
    "length and chunks": get(
        ECHO, "content-length: 5", "transfer-encoding: chunked", body=b"0\r\n\r\n" + INNER.encode()
    ),
    "chunks and length": get(
        ECHO, "transfer-encoding: chunked", "content-length: 4", body=b"0\r\n\r\n" + INNER.encode()
    ),
    "two lengths": get(ECHO, "content-length: 0", f"content-length: {len(INNER)}", body=INNER.encode()),
    "a list of lengths": get(ECHO, f"content-length: 0, {len(INNER)}", body=INNER.encode()),
    "a length with a sign": get(ECHO, "content-length: +0", body=INNER.encode()),
    "a length below zero": get(ECHO, "content-length: -1", body=INNER.encode()),
    "chunks by another name": get(ECHO, "transfer-encoding: xchunked", body=b"0\r\n\r\n"),
    "chunks twice": get(ECHO, "transfer-encoding: chunked", "transfer-encoding: identity", body=b"0\r\n\r\n"),
    "a space before the colon": get(ECHO, "transfer-encoding : chunked", body=b"0\r\n\r\n" + INNER.encode()),
    "a zero byte in a value": get(ECHO, "x-broken: a\0b"),
    "a name with a space": get(ECHO, "x role: admin"),
    "no host": f"GET {ECHO} HTTP/1.1\r\n\r\n".encode(),
    "two hosts": get(ECHO, "host: elsewhere"),
    "an old version": f"GET {ECHO} HTTP/1.0\r\nhost: atalaya\r\n\r\n".encode(),
    "a chunk of no size": get(ECHO, "transfer-encoding: chunked", method="POST", body=b"zz\r\n\r\n0\r\n\r\n"),
    "an underscore": get(ECHO, "x_role: admin"),
    "a thousand headers": get(ECHO, *(f"x-{number}: 1" for number in range(1000))),
    "a header of 128 KiB": get(ECHO, f"x-large: {'a' * 131_072}"),
    "a path of 128 KiB": get(ECHO + "?a=" + "a" * 131_072),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_an_ambiguous_request_is_refused_and_reaches_nobody(
    edge: Any, upstream: Upstream, bearer: Bearer, name: str
) -> None:
    first, rest = AMBIGUOUS[name].split(b"\r\n", 1)
    before = await upstream.requests()

    answers = await send(edge.port, first + b"\r\n" + authorized(bearer).encode() + b"\r\n" + rest)

    [answer] = answers
    # 501 is what HTTP wants for codings of a body that nobody knows.
    assert answer.status in range(400, 500) or answer.status == 501
    assert await upstream.requests() == before


@pytest.mark.parametrize(
    "lines", [["x-odd: a", " x-role: admin"], ["x-odd: a", "\tx-role: admin"], ["x-odd: a\rx-role: admin"]]
)
async def test_a_value_in_odd_lines_stays_one_value(
    edge: Any, upstream: Upstream, bearer: Bearer, lines: list[str]
) -> None:
    before = await upstream.requests()

    [answer] = await send(edge.port, get(ECHO, authorized(bearer), *lines))

    assert answer.status == 200
    seen = json.loads(answer.body)[0]["headers"]
    assert seen["x-odd"].endswith("x-role: admin")
    assert "x-role" not in seen
    assert await upstream.requests() == before + 1


async def test_a_plain_request_is_one_upstream(edge: Any, upstream: Upstream, bearer: Bearer) -> None:
    before = await upstream.requests()

    answers = await send(edge.port, get(ECHO, authorized(bearer)))

    assert [answer.status for answer in answers] == [200]
    assert await upstream.requests() == before + 1


async def test_a_body_that_looks_like_a_request_stays_a_body(edge: Any, upstream: Upstream, bearer: Bearer) -> None:
    before = await upstream.requests()
    length = f"content-length: {len(INNER)}"

    answers = await send(edge.port, get(ECHO, authorized(bearer), length, body=INNER.encode()))

    assert len(answers) == 1
    assert await upstream.requests() <= before + 1


PATHS = [
    "//crud//publicaciones/bcp",
    "/crud/./publicaciones/bcp",
    "/crud/x/../publicaciones/bcp",
    "/../crud/publicaciones/bcp",
    "/crud%2fpublicaciones%2Fbcp",
    "/crud/%70ublicaciones/bcp",
    "/crud/x/%2e%2e/publicaciones/bcp",
    "/crud/x/..%2fpublicaciones/bcp",
    "/crud/x/%252e%252e/publicaciones/bcp",
    "/crud%252fpublicaciones/bcp",
    "/crud/publicaciones/bcp%252f..",
    "/crud\\publicaciones\\bcp",
    "/crud/publicaciones/bcp/",
    "/crud/publicaciones/bcp;v=1",
    "/crud/publicaciones/bcp#fragment",
    "/CRUD/publicaciones/bcp",
    "http://elsewhere/crud/publicaciones/bcp",
]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_in_disguise_is_guarded_like_the_plain_one(
    edge: Any, upstream: Upstream, bearer: Bearer, path: str
) -> None:
    before = await upstream.requests()

    [unknown] = await send(edge.port, get(path))
    [known] = await send(edge.port, get(path, authorized(bearer)))

    assert unknown.status in (400, 401, 404)
    assert known.status in (200, 400, 404)
    assert await upstream.requests() <= before + 2
    if known.status == 200:
        assert unknown.status == 401
        # Whatever the path looked like, the service read what Envoy routed by.
        assert account_of(known).startswith("bcp")


def account_of(answer: Answer) -> str:
    return str(json.loads(answer.body)[0]["contenido"])


async def test_an_offer_to_speak_http2_is_not_taken(edge: Any, upstream: Upstream, bearer: Bearer) -> None:
    before = await upstream.requests()
    offer = ("connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABkAARAAAAAAAIAAAAA")

    answers = await send(edge.port, get(ECHO, authorized(bearer), *offer))

    assert [answer.status for answer in answers] in ([200], [403], [400])
    assert await upstream.requests() <= before + 1


@pytest.mark.parametrize("header", ["x-http-method-override", "x-http-method", "x-method-override"])
async def test_a_header_does_not_change_the_method(client: httpx.AsyncClient, bearer: Bearer, header: str) -> None:
    # A viewer may read the accounts and not add one.
    response = await client.get(ECHO, headers={**bearer("viewer"), header: "POST"})

    assert response.status_code == 200
    assert header not in response.json()[0]["headers"]


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", "*/*", ""])
async def test_json_under_another_name_is_not_read(client: httpx.AsyncClient, upstream: Upstream, kind: str) -> None:
    before = await upstream.requests()

    response = await client.post("/auth/login", content=LOGIN, headers={"content-type": kind})

    assert response.status_code == 415
    assert await upstream.requests() == before


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+json"])
async def test_json_under_the_name_of_grpc_is_an_error(
    client: httpx.AsyncClient, upstream: Upstream, kind: str
) -> None:
    before = await upstream.requests()

    response = await client.post("/auth/login", content=LOGIN, headers={"content-type": kind})

    assert response.headers["grpc-status"] != "0"
    assert await upstream.requests() <= before + 1


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00", struct.pack(">BI", 0, 2**32 - 1), struct.pack(">BI", 0, 5) + b"ab", b"\xff" * 64, b"not a frame"],
    ids=["empty", "cut", "endless", "short", "noise", "text"],
)
async def test_a_broken_frame_of_grpc_web_opens_nothing(hasty: Any, bearer: Bearer, body: bytes) -> None:
    kind = {"content-type": "application/grpc-web+proto"}
    closed = "/atalaya.auth.v1.UsersService/GetMe"
    async with httpx.AsyncClient(base_url=hasty.url, timeout=60) as client:
        before = await Upstream(hasty.log).requests()

        response = await client.post(closed, content=body, headers=kind)

        # gRPC's own server waits for the rest of what is cut off; the edge's time for a reply ends that.
        assert "grpc-status" in response.headers or b"grpc-status:" in response.content
        assert response.headers.get("grpc-status") != "0" and b"grpc-status:0" not in response.content
        assert await Upstream(hasty.log).requests() <= before + 1


@pytest.mark.parametrize(
    "headers",
    [
        request(ECHO.encode(), (b"x-broken", b"a\r\nx-role: admin")),
        request(ECHO.encode(), (b"x-broken", b"a\nb")),
        request(ECHO.encode(), (b"x-broken", b"a\0b")),
        request(ECHO.encode(), (b"x-broken\r\nx-role", b"a")),
        request(ECHO.encode(), (b"X-Role", b"admin")),
        request(ECHO.encode(), (b"x_role", b"admin")),
        request(ECHO.encode(), (b"connection", b"keep-alive")),
        request(ECHO.encode(), (b"transfer-encoding", b"chunked")),
        request(ECHO.encode() + b" HTTP/1.1\r\nx-role: admin"),
        [*request(ECHO.encode()), (b":path", b"/health")],
        [*request(ECHO.encode()), (b":method", b"DELETE")],
        request(ECHO.encode(), *((b"x-%d" % number, b"1") for number in range(200))),
    ],
    ids=lambda headers: repr(headers[-1])[:40],
)
async def test_a_broken_header_of_http2_reaches_nobody(
    edge: Any, upstream: Upstream, bearer: Bearer, headers: list[tuple[bytes, bytes]]
) -> None:
    before = await upstream.requests()
    connection = await Http2Connection.open(edge.port)
    block = header_block([*headers, (b"authorization", bearer()["authorization"].encode())])

    connection.send(frame(raw_http.HEADERS, raw_http.END_HEADERS | raw_http.END_STREAM, 1, block))
    connection.send(frame(raw_http.PING, 0, 0, b"all told"))
    frames = await connection.frames(raw_http.PING)

    connection.close()
    answered = [payload for kind, stream, payload in frames if (kind, stream) == (raw_http.HEADERS, 1)]
    # 0x88 is HPACK's index of :status 200.
    assert not any(payload.startswith(b"\x88") for payload in answered)
    assert await upstream.requests() == before


async def test_a_good_request_by_the_same_frames_is_answered(edge: Any, bearer: Bearer) -> None:
    connection = await Http2Connection.open(edge.port)
    block = header_block(request(ECHO.encode(), (b"authorization", bearer()["authorization"].encode())))

    connection.send(frame(raw_http.HEADERS, raw_http.END_HEADERS | raw_http.END_STREAM, 1, block))
    frames = await connection.frames(raw_http.DATA)

    connection.close()
    assert [stream for kind, stream, _ in frames if kind == raw_http.DATA] == [1]


def rapid_reset() -> bytes:
    block = header_block(request(b"/health"))
    return b"".join(
        frame(raw_http.HEADERS, raw_http.END_HEADERS | raw_http.END_STREAM, stream, block)
        + frame(raw_http.RST_STREAM, 0, stream, b"\0\0\0\x08")
        for stream in range(1, 4001, 2)
    )


FLOODS: dict[str, Callable[[], bytes]] = {
    "resets": rapid_reset,
    "pings": lambda: frame(raw_http.PING, 0, 0, b"ping" * 2) * 200_000,
    "priorities": lambda: frame(raw_http.PRIORITY, 0, 1, b"\0\0\0\0\x10") * 1_000,
    "settings": lambda: frame(raw_http.SETTINGS, 0, 0) * 200_000,
    "empty frames": lambda: (
        frame(raw_http.HEADERS, raw_http.END_HEADERS, 1, header_block(request(b"/health")))
        + frame(raw_http.DATA, 0, 1) * 100
    ),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_ends_its_own_connection_and_nobody_elses(
    edge: Any, client: httpx.AsyncClient, name: str
) -> None:
    connection = await Http2Connection.open(edge.port)

    connection.send(FLOODS[name]())
    closed = await connection.is_closed()
    response = await client.get("/health")

    connection.close()
    assert closed
    assert response.status_code == 200


async def test_no_more_streams_than_agreed_are_open_at_once(edge: Any) -> None:
    connection = await Http2Connection.open(edge.port)

    frames = await connection.frames(raw_http.SETTINGS)

    connection.close()
    settings = dict(struct.iter_unpack(">HI", frames[-1][2]))
    # 3 is SETTINGS_MAX_CONCURRENT_STREAMS.
    assert settings[3] == 100


async def test_replies_tell_no_version(client: httpx.AsyncClient, bearer: Bearer) -> None:
    for path in ("/health", ECHO, "/nothing", "/openapi.json", "/healthz"):
        response = await client.get(path, headers=bearer())

        assert response.headers["server"] == "atalaya"
        assert not {"via", "x-powered-by", "x-envoy-upstream-service-time"} & set(response.headers)
