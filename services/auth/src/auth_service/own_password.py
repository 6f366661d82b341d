"""Proving that one knows one's own password, for what a token alone, which may be stolen, must not do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from service_runtime.errors import InvalidArgument
from service_runtime.identity import Identity

from auth_service.accounts import Origin, User
from auth_service.attempts import AttemptLimits, Key
from auth_service.audit import FAILED, AuditTrail
from auth_service.names import comparison_key
from auth_service.passwords import PasswordHashing
from auth_service.store import Store
from auth_service.tenant_store import TenantRecords


@dataclass(frozen=True)
class Proof:
    """The hash of a password that proved right, the counters of the attempt, and the hash of a new password."""

    password_hash: str = field(repr=False)
    keys: list[Key]
    new_hash: str = field(repr=False)


class OwnPassword:
    """Checks the caller's password; an attempt counts as a log-in by address from a source that is not known."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHashing,
        limits: AttemptLimits,
        audit: AuditTrail,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._limits = limits
        self._audit = audit
        self._clock = clock

    async def proof(self, user: User, password: str, origin: Origin, *, new_password: str = "") -> Proof | None:
        """Gives nothing where the password is wrong; hashes a new one in the same place of the queue."""
        keys = self._limits.of_login(comparison_key(user.email), origin.source, known_source=False)
        async with self._passwords.place() as hashing:
            async with self._store.tenant(user.tenant_id) as records:
                await records.count_attempt(keys, self._clock())
                password_hash = await records.password_hash(user.user_id)
            right = await hashing.verify(password_hash, password)
            if password_hash is None or not right:
                return None
            return Proof(password_hash, keys, await hashing.hash(new_password) if new_password else "")

    async def still_holds(self, records: TenantRecords, user: User, proof: Proof) -> bool:
        """Tells whether the password is the same as when it was proved, holds the person's record until the transaction
        ends, and takes the counted attempt back. Log-ins with an old password that are under way wait, and see the new
        one."""
        if await records.lock_password_hash(user.user_id) != proof.password_hash:
            return False
        await records.forgive([], proof.keys)
        return True

    async def refusal(self, caller: Identity, action: str, origin: Origin) -> InvalidArgument:
        """Records that somebody did not know the password of the person they are logged in as."""
        async with self._store.tenant(caller.tenant_id) as records:
            await self._audit.record(records, action, FAILED, origin, actor=caller.subject)
        return InvalidArgument("WRONG_PASSWORD", "The current password is wrong.")
