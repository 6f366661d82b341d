"""Calls that are made twice: the same key with the same request is done once, and gives the first answer again.

What a call does and the note that it was done are one transaction, which fails where the call's claim on the key was
lost; so nothing is done twice, whoever dies when.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog

from service_runtime.errors import Conflict, InvalidArgument
from service_runtime.idempotency_store import Claim, IdempotencyStore, KeyRecord
from service_runtime.identity import optional_caller
from service_runtime.request import Request

if TYPE_CHECKING:
    from service_runtime.database import Session

HEADER = "idempotency-key"
REPLAYED = "idempotent-replayed"
# A process that dies holds its keys for so long.
LEASE_SECONDS = 30.0
RENEWAL_SECONDS = 10.0
# How long a call waits for the answer of another with the same key.
PATIENCE_SECONDS = 5.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

_log = structlog.stdlib.get_logger("service_runtime.idempotency")


@dataclass(frozen=True)
class KeptAnswer:
    """The first answer to a request, as its bytes."""

    data: bytes
    status: int
    headers: dict[str, str]


class _AnsweredBefore(Exception):
    def __init__(self, answer: KeptAnswer) -> None:
        super().__init__()
        self.answer = answer


class Idempotency:
    """Stands around the calls of one service that bring a key."""

    def __init__(self, store: IdempotencyStore) -> None:
        self._store = store

    async def answer(self, request: Request, message: Any | None, act: Callable[[], Awaitable[Any]]) -> Any:
        """Gives what `act` answers, or the KeptAnswer of the first call with this key.

        Without `message`, as where the request is a stream, whoever acts says by `request_is` what it was.
        """
        key, identity = request.metadata.get(HEADER), optional_caller()
        if key is None or identity is None:
            return await act()
        if not _KEY.fullmatch(key):
            raise InvalidArgument(
                "BAD_IDEMPOTENCY_KEY", "An idempotency key has 1 to 255 visible ASCII characters, as a UUID has."
            )
        call = _Call(self._store, Claim(identity.tenant_id, key, uuid4()), request)
        _current.set(call)
        try:
            if message is not None:
                await call.begin(hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest())
            reply = await act()
        except _AnsweredBefore as before:
            request.success_status = before.answer.status
            request.headers = {**before.answer.headers, REPLAYED: "true"}
            return before.answer
        except BaseException:
            await asyncio.shield(call.let_go())
            raise
        await asyncio.shield(call.keep(reply))
        return reply


class _Call:
    """One call with a key."""

    def __init__(self, store: IdempotencyStore, claim: Claim, request: Request) -> None:
        self._store = store
        self._claim = claim
        self._request = request
        self._renewing: asyncio.Task[None] | None = None

    async def begin(self, digest: str) -> None:
        """Claims the key for this request; raises where it is another's, or was answered."""
        fingerprint = hashlib.sha256(f"{self._request.method}\n{digest}".encode()).hexdigest()
        left = self._request.seconds_left()
        give_up_at = time.monotonic() + min(PATIENCE_SECONDS, PATIENCE_SECONDS if left is None else left / 2)
        pause = _SHORTEST_PAUSE
        while (known := await self._store.claim(self._claim, fingerprint, LEASE_SECONDS)) is not None:
            if known.fingerprint != fingerprint:
                raise Conflict("IDEMPOTENCY_KEY_REUSED", "This idempotency key came with another request before.")
            _raise_what_is_known(known)
            if time.monotonic() >= give_up_at:
                error = Conflict("IDEMPOTENCY_KEY_IN_USE", "A call with this idempotency key is under way.")
                error.retry_after = 1
                raise error
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        self._renewing = asyncio.create_task(self._renew())

    async def note_effect(self, session: Session, resource: str) -> None:
        if self._renewing is not None and not await self._store.note_effect(session, self._claim, resource):
            raise Conflict("IDEMPOTENCY_KEY_IN_USE", "Another call with this idempotency key has taken over.")

    async def keep(self, reply: Any) -> None:
        """Keeps the answer. Where that fails the caller has it all the same, and a repeat is told that it is lost."""
        if self._renewing is None:
            return
        await self._stop_renewing()
        answer = None if _holds_secret(type(reply).DESCRIPTOR) else reply.SerializeToString()
        try:
            await self._store.keep(self._claim, answer, self._request.success_status, self._request.headers)
        except Exception as error:
            _log.warning("an answer could not be kept for its idempotency key", error=str(error))

    async def let_go(self) -> None:
        """Ends a call that failed: what did nothing may be tried again."""
        if self._renewing is None:
            return
        await self._stop_renewing()
        # Where that fails the lease ends by itself.
        with suppress(Exception):
            await self._store.let_go(self._claim)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_SECONDS)
            with suppress(Exception):
                await self._store.renew(self._claim, LEASE_SECONDS)

    async def _stop_renewing(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)


_current: ContextVar[_Call | None] = ContextVar("current_idempotent_call", default=None)


async def request_is(digest: str) -> None:
    """Says what a streamed request was, before anything is done; does not return where it was done before."""
    call = _current.get()
    if call is not None:
        await call.begin(digest)


async def note_effect(session: Session, resource: str) -> None:
    """Notes in the session's transaction that the call makes or changes something; nothing for calls without a key."""
    call = _current.get()
    if call is not None:
        await call.note_effect(session, resource)


def _raise_what_is_known(known: KeyRecord) -> None:
    """Raises where there is an answer or an effect; returns where the call is under way, or died before any."""
    if known.answer is not None:
        raise _AnsweredBefore(KeptAnswer(known.answer, known.status, known.headers))
    resource = known.resource or ""
    if known.answered:
        raise Conflict(
            "IDEMPOTENCY_ANSWER_SECRET",
            f"This was done before; its answer holds a secret and is not kept. It made {resource or 'what it should'}.",
            resource=resource,
        )
    if known.resource is not None and known.lapsed:
        raise Conflict(
            "IDEMPOTENCY_ANSWER_LOST",
            f"This was done before, but its answer was lost. It made {resource or 'what it should'}.",
            resource=resource,
        )


@cache
def _holds_secret(descriptor: Any) -> bool:
    """Tells whether a message has a field that its contract keeps out of logs, at any depth."""
    seen, waiting = set(), [descriptor]
    while waiting:
        message = waiting.pop()
        if message.full_name in seen:
            continue
        seen.add(message.full_name)
        for field in message.fields:
            if field.GetOptions().debug_redact:
                return True
            if field.message_type is not None:
                waiting.append(field.message_type)
    return False
