"""What an S3 does that is slow, silent, busy, refuses, breaks off or lies."""

import re
from collections.abc import Callable

from support.faulty_link import Behaviour


def break_off(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    return head, body[: len(body) // 2]


def other_etag(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    return re.sub(rb'(?i)(etag: *)"[^"]*"', rb'\1"0123456789abcdef0123456789abcdef"', head), body


def shorter(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    kept = body[: len(body) // 2]
    without_sums = re.sub(rb"(?i)\r\nx-amz-checksum[^\r]*", b"", head)
    return re.sub(rb"(?i)(content-length: *)[0-9]+", rb"\g<1>%d" % len(kept), without_sums), kept


def other_bytes(head: bytes, body: bytes) -> tuple[bytes, bytes]:
    return head, body.replace(b"aprobado", b"rechazad")


def cut(_head: bytes, _body: bytes) -> tuple[bytes, bytes]:
    raise ConnectionResetError


FAULTS: dict[str, Callable[[], Behaviour]] = {
    "s3 tells a third to slow down": lambda: Behaviour(slow_down=0.3),
    "s3 tells everybody to slow down": lambda: Behaviour(slow_down=1.0),
    "s3 refuses": lambda: Behaviour(refused=1.0),
    "s3 is slow by 2 s more or less": lambda: Behaviour(latency=2, jitter=1),
    "s3 answers byte by byte": lambda: Behaviour(slice_bytes=1),
    "s3 answers 1 kB a second": lambda: Behaviour(slice_bytes=100, bytes_per_second=1000),
    "s3 is silent": lambda: Behaviour(silent=True),
    "s3 is mute": lambda: Behaviour(mute=True),
    "s3 cuts connections": lambda: Behaviour(change=cut),
    "s3 breaks off in a body": lambda: Behaviour(change=break_off, changed_for=".csv"),
    "s3 gives another etag": lambda: Behaviour(change=other_etag, changed_for=".csv"),
    "s3 gives half and says it is all": lambda: Behaviour(change=shorter, changed_for=".csv"),
    "s3 gives other bytes": lambda: Behaviour(change=other_bytes, changed_for=".csv"),
}
# Under these no answer can be right, so one that is there is wrong.
NEVER_RIGHT = {name for name in FAULTS if not re.search("third|slow by|byte by byte|a second", name)}
