"""Tells every service of ended sessions, and tells all again where Redis has lost it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from service_runtime.revocations import RevocationNews

from auth_service.store import Store

# Well within the second that is promised; a look at an index that is empty most of the time.
LOOK_EVERY_SECONDS = 0.25
_FORGET_EVERY = timedelta(minutes=1)


class RevocationTeller:
    """Looks for sessions that ended. Whoever ends one only has to record it, and never waits for Redis."""

    def __init__(self, store: Store, news: RevocationNews, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._news = news
        self._clock = clock
        self._forgot_at: datetime | None = None

    async def tell(self) -> None:
        """Tells what was not told yet; where Redis or the database is away, it stays recorded as such."""
        are_kept = await self._news.are_kept()
        now = self._clock()
        async with self._store.revocations() as records:
            untold = await records.take_untold()
            if not (are_kept and await self._news.tell(untold)):
                await self._news.tell_all(await records.living(now))
            if self._forgot_at is None or now - self._forgot_at >= _FORGET_EVERY:
                await records.forget(now)
                self._forgot_at = now
