"""Tokens for services: who proves to be one may call one other for one tenant."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from service_runtime.errors import Unauthenticated

from auth_service.assertions import BadAssertion, verify
from auth_service.service_keys import ServiceKeys
from auth_service.store import Store
from auth_service.tokens import TokenSigner

LIFE = timedelta(minutes=5)

_log = structlog.stdlib.get_logger("auth_service.service_tokens")


@dataclass(frozen=True)
class ServiceToken:
    """A token as the service gets it."""

    access_token: str = field(repr=False)
    expires_in: int


class ServiceTokens:
    """Gives tokens for any tenant, also one that is gone: its data elsewhere are erased in its name. A token for one
    that never was opens nothing, for there is nothing of it."""

    def __init__(
        self,
        store: Store,
        signer: TokenSigner,
        keys: ServiceKeys,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._signer = signer
        self._keys = keys
        self._clock = clock
        self._new_id = new_id

    async def issue(self, assertion_text: str, tenant_id: UUID, target: str) -> ServiceToken:
        """Gives a token for an assertion that was never used before."""
        now = self._clock()
        try:
            assertion = verify(assertion_text, self._keys, now)
        except BadAssertion as error:
            raise _refused() from error
        async with self._store.assertions() as records:
            is_new = await records.use(assertion, now)
        if not is_new:
            _log.warning("an assertion was used twice", service=assertion.service)
            raise _refused()
        token = self._signer.sign_for_service(assertion.service, tenant_id, target, self._new_id(), now, LIFE)
        return ServiceToken(token, int(LIFE.total_seconds()))


def _refused() -> Unauthenticated:
    return Unauthenticated("BAD_ASSERTION", "The assertion proves nothing.")
