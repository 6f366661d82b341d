"""HTTP as only an attacker writes it: bytes on a socket, and HTTP/2 frames without a library that would mend them."""

import asyncio
import struct
from dataclasses import dataclass

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY = 0x0, 0x1, 0x2, 0x3, 0x4, 0x6, 0x7
END_STREAM, END_HEADERS = 0x1, 0x4
_SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """An answer of HTTP/1.1; a status of 0 means that the connection was closed without one."""

    status: int
    head: str
    body: bytes


async def send(port: int, data: bytes) -> list[Answer]:
    """Sends bytes on a connection of its own and reads answers until it is closed or silent for a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answers: list[Answer] = []
    try:
        while answer := await _answer(reader, _SECONDS if not answers else 0.1):
            answers.append(answer)
    finally:
        writer.close()
    return answers or [Answer(0, "", b"")]


async def _answer(reader: asyncio.StreamReader, seconds: float) -> Answer | None:
    try:
        async with asyncio.timeout(seconds):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            fields = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())
            }
            body = b""
            if "content-length" in fields:
                body = await reader.readexactly(int(fields["content-length"]))
            elif fields.get("transfer-encoding") == "chunked":
                while size := int((await reader.readline()).strip(), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readline()
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        return None
    return Answer(int(head.split()[1]), head, body)


def get(path: str, *lines: str, method: str = "GET", body: bytes = b"") -> bytes:
    """Writes a request with these header lines, exactly as they are given."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: atalaya", *lines, "", ""]).encode("latin-1") + body


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Writes a frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header_block(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Writes headers as HPACK literals that nobody has to remember."""
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in headers)


def request(path: bytes, *more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Gives the headers of a GET."""
    return [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"atalaya"), (b":path", path), *more]


def _text(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, encoded = len(text) - 127, b"\x7f"
    while rest >= 128:
        encoded += bytes([rest % 128 + 128])
        rest //= 128
    return encoded + bytes([rest]) + text


class Http2Connection:
    """A connection of HTTP/2 on which anything may be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Http2Connection":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_PREFACE + frame(SETTINGS, 0, 0))
        return cls(reader, writer)

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def frames(self, until: int, seconds: float = _SECONDS) -> list[tuple[int, int, bytes]]:
        """Reads frames (kind, stream, payload) until one of a kind has come or the connection ends."""
        found: list[tuple[int, int, bytes]] = []
        try:
            async with asyncio.timeout(seconds):
                while not found or found[-1][0] != until:
                    head = await self._reader.readexactly(9)
                    payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                    found.append((head[3], int.from_bytes(head[5:], "big"), payload))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        return found

    async def is_closed(self, seconds: float = _SECONDS) -> bool:
        """Whether the other side ends the connection within the time."""
        try:
            async with asyncio.timeout(seconds):
                while await self._reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    def close(self) -> None:
        self._writer.close()
