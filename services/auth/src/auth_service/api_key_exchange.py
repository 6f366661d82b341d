"""What a program gets for its API key: a short access token, with which services know it like anybody."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service_runtime.errors import Unauthenticated

from auth_service.accounts import NOBODY, Origin
from auth_service.attempts import AttemptLimits, Key, refuse_waiting
from auth_service.audit import FAILED, AuditTrail
from auth_service.key_format import key_hash
from auth_service.programs import PresentedApiKey
from auth_service.store import Store
from auth_service.tokens import AccessClaims, TokenSigner

# How exactly people are told when a key was used last.
NOTE_USE_EVERY = timedelta(seconds=30)
_LONGEST_LIFE = timedelta(minutes=5)


@dataclass(frozen=True)
class KeyToken:
    """An access token in the place of a key."""

    access_token: str = field(repr=False)
    expires_in: int


class ApiKeyExchange:
    """Checks keys. Whatever is wrong, the answer and what is done for it are the same: malformed, unknown, revoked,
    expired, inactive tenant."""

    def __init__(
        self,
        store: Store,
        signer: TokenSigner,
        limits: AttemptLimits,
        audit: AuditTrail,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._signer = signer
        self._limits = limits
        self._audit = audit
        self._life = min(_LONGEST_LIFE, timedelta(seconds=signer.expires_in))
        self._clock = clock
        self._new_id = new_id

    async def exchange(self, key: str, origin: Origin) -> KeyToken:
        """Gives a token for a good key."""
        # Taken before the key is looked up: who revokes it meanwhile counts on tokens of before.
        now = self._clock()
        counted = self._limits.of_api_key(origin.source)
        async with self._store.before_tenant() as lookups:
            refuse_waiting(await lookups.counters(counted), now)
            found = await lookups.api_key(key_hash(key))
        if found is None or not found.is_good(now):
            await self._count_failure(found, counted, origin)
            raise Unauthenticated("BAD_API_KEY", "The API key is not valid.")
        if found.last_used_at is None or now - found.last_used_at >= NOTE_USE_EVERY:
            async with self._store.tenant(found.tenant_id) as records:
                await records.note_api_key_use(found.key_id, now, NOTE_USE_EVERY)
        return KeyToken(self._token(found, now), int(self._life.total_seconds()))

    async def _count_failure(self, found: PresentedApiKey | None, counted: list[Key], origin: Origin) -> None:
        now = self._clock()
        async with self._store.tenant(found.tenant_id if found else NOBODY) as records:
            await records.count_attempt(counted, now)
            # Nothing is kept of a key that is nobody's: it may be a secret of somewhere else.
            actor, resource = (_subject(found), f"api-keys/{found.key_id}") if found else ("", "")
            await self._audit.record(records, "api_key.use", FAILED, origin, actor=actor, resource=resource)

    def _token(self, found: PresentedApiKey, now: datetime) -> str:
        claims = AccessClaims(
            subject=_subject(found),
            tenant_id=found.tenant_id,
            role=found.role,
            username=found.prefix,
            timezone=found.timezone,
            # What is revoked when the key is.
            session_id=found.key_id,
            token_id=self._new_id(),
            kind="program",
        )
        return self._signer.sign(claims, now, self._life)


def _subject(found: PresentedApiKey) -> str:
    return f"api-key:{found.key_id}"
