"""A link to a server that misbehaves as it is told: an HTTP/1.1 proxy in a thread of its own that answers in the
server's place, keeps callers waiting, and cuts bodies in the middle."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
_REFUSED = (
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>AKIAKEY may not, says 10.9.8.7</Message></Error>"
)
_LARGEST_HEAD = 1 << 16


@dataclass
class Behaviour:
    """What happens to requests: the share that is told to slow down, is refused or never answered, the share whose body
    is cut in the middle, the seconds that each waits, and what becomes of the answers."""

    slow_down: float = 0.0
    refused: float = 0.0
    reset: float = 0.0
    latency: float = 0.0
    # The latency is so much longer or shorter by chance.
    jitter: float = 0.0
    # The server is never asked, or is and its answer never comes.
    silent: bool = False
    mute: bool = False
    # Answers come by so many bytes, and so many of them in a second.
    slice_bytes: int = 0
    bytes_per_second: float = 0.0
    # Changes the answers to requests whose first line holds `changed_for`: head and body, or the connection's end.
    change: Callable[[bytes, bytes], tuple[bytes, bytes]] | None = None
    changed_for: str = ""
    # The requests that came, by their first line, and how many of them were tampered with.
    requests: list[str] = field(default_factory=list)
    faults: int = 0


class FaultyLink:
    """The proxy; its `url` stands for the server's, and `behaviour` may be changed at any time."""

    def __init__(self, target: str, seed: int) -> None:
        address = urlsplit(target)
        self._host, self._port = address.hostname or "", address.port or 80
        self._chance = random.Random(seed)
        self.behaviour = Behaviour()
        self.url = ""
        self._attending: set[asyncio.Task[None] | None] = set()
        self._loop = asyncio.new_event_loop()
        self._started, self._ended = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def __enter__(self) -> FaultyLink:
        self._thread.start()
        assert self._started.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(60)
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._attend, "127.0.0.1", 0, limit=_LARGEST_HEAD)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._started.set()
        await self._ended.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes one request of a connection; the caller opens another for the next one."""
        # The loop itself would not keep what waits from being collected.
        task = asyncio.current_task()
        self._attending.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _length(head)
            self.behaviour.requests.append(head.partition(b"\r\n")[0].decode())
            if self.behaviour.latency:
                spread = self.behaviour.jitter
                await asyncio.sleep(self.behaviour.latency + self._chance.uniform(-spread, spread))
            if b"100-continue" in head.lower():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self._chance.random() < self.behaviour.slow_down:
                self.behaviour.faults += 1
                await reader.readexactly(length)
                writer.write(_answer(b"503 Slow Down", _SLOW_DOWN))
            elif self._chance.random() < self.behaviour.refused:
                self.behaviour.faults += 1
                await reader.readexactly(length)
                writer.write(_answer(b"403 Forbidden", _REFUSED))
            elif self.behaviour.silent or self.behaviour.mute:
                self.behaviour.faults += 1
                if self.behaviour.mute:
                    await self._pass_on(head, await reader.readexactly(length), None)
                # Until the caller gives up.
                await reader.read()
            elif length and self._chance.random() < self.behaviour.reset:
                # The server has half of it when the connection is gone.
                self.behaviour.faults += 1
                await self._pass_on(head, await reader.readexactly(length // 2), None)
                writer.transport.abort()
            else:
                await self._pass_on(head, await reader.readexactly(length), writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._attending.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _pass_on(self, head: bytes, body: bytes, answer: asyncio.StreamWriter | None) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(_closing(head) + body)
            await writer.drain()
            if answer is not None:
                await self._answer(head, reader, answer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, request: bytes, reader: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        behaviour = self.behaviour
        first = request.partition(b"\r\n")[0].decode()
        if behaviour.change is not None and behaviour.changed_for in first:
            behaviour.faults += 1
            head, end, body = (await reader.read(-1)).partition(b"\r\n\r\n")
            head, body = behaviour.change(head, body)
            answer.write(head + end + body)
        size = behaviour.slice_bytes or 1 << 16
        while piece := await reader.read(size):
            answer.write(piece)
            if behaviour.slice_bytes or behaviour.bytes_per_second:
                behaviour.faults += 1
                await answer.drain()
                # Each piece a packet of its own.
                await asyncio.sleep(size / behaviour.bytes_per_second if behaviour.bytes_per_second else 0)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _closing(head: bytes) -> bytes:
    """Gives a request's head as one after which nothing more comes, so that the answer ends with its connection."""
    kept = [line for line in head.split(b"\r\n") if line.lower().partition(b":")[0] not in (b"connection", b"expect")]
    kept = [line for line in kept if line]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


def _answer(status: bytes, body: bytes) -> bytes:
    head = [b"HTTP/1.1 " + status, b"Content-Type: application/xml", b"Connection: close"]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body])
