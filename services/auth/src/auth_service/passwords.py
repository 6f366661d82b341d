"""Hashing of passwords by argon2id, in few threads and with few waiting, so that overload is refused at once."""

import asyncio
import os
import secrets
import sys
import threading
import unicodedata
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from service_runtime.errors import ResourceExhausted

from auth_service.foreign_hashes import check_bcrypt, is_bcrypt

# OWASP's least for argon2id: 19 MiB, two passes, one lane.
MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
SALT_BYTES = 16
HASHING_NICENESS = 10


class HashingPlace:
    """A place in the queue for the threads: its holder hashes and checks one after the other."""

    def __init__(self, hasher: PasswordHasher, pool: ThreadPoolExecutor, nobodys_hash: str) -> None:
        self._hasher = hasher
        self._pool = pool
        self._nobodys_hash = nobodys_hash

    async def hash(self, password: str) -> str:
        """Gives the password's hash, with its parameters and a salt of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._hasher.hash, _composed(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tells whether the password has that hash; takes as long where there is no hash, and says no."""
        wanted = password_hash if password_hash is not None else self._nobodys_hash
        right = await asyncio.get_running_loop().run_in_executor(self._pool, self._check, wanted, _composed(password))
        return right and password_hash is not None

    def _check(self, password_hash: str, password: str) -> bool:
        if is_bcrypt(password_hash):
            return check_bcrypt(password_hash, password)
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


class PasswordHashing:
    """The threads that hash. There are `threads + queue` places; who finds none free is refused at once."""

    def __init__(self, *, threads: int, queue: int) -> None:
        hasher = PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, salt_len=SALT_BYTES, type=Type.ID
        )
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2", initializer=_step_back)
        self._place = HashingPlace(hasher, self._pool, hasher.hash(secrets.token_urlsafe()))
        self._free_places = threads + queue

    @asynccontextmanager
    async def place(self) -> AsyncIterator[HashingPlace]:
        """Holds a place until the block ends; raises OVERLOADED where none is free."""
        if self._free_places <= 0:
            raise ResourceExhausted("OVERLOADED", "Too many people sign in right now. Try again.", retry_after=1)
        self._free_places -= 1
        try:
            yield self._place
        finally:
            self._free_places += 1

    async def close(self) -> None:
        """Ends the threads; what waits for them is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def is_outdated(password_hash: str) -> bool:
    """Tells whether a hash was made by bcrypt, or with lower parameters than today's."""
    if is_bcrypt(password_hash):
        return True
    made = extract_parameters(password_hash)
    return made.type is not Type.ID or made.memory_cost < MEMORY_KIB or made.time_cost < PASSES


def _composed(password: str) -> str:
    """An accent is one character or two, by keyboard; both are the same password."""
    return unicodedata.normalize("NFC", password)


def _step_back() -> None:
    """Lets what answers go before what hashes, so that also an overloaded service refuses at once."""
    if sys.platform == "linux":
        # There a thread has a priority of its own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)
