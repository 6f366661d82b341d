"""What customers of each segment are offered: what the tenant has set, else what is usual."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from unicodedata import normalize
from uuid import UUID

from service_runtime.database import Database
from service_runtime.errors import NotFound, Unprocessable, Violation
from service_runtime.identity import Identity
from service_runtime.jobs import AuditOutbox

from analytics_service.benefit_store import BenefitNews, BenefitStore
from analytics_service.segments import BENEFITS

_MOST_KEPT = 4096


class Benefits:
    """Benefits by segment, kept in memory as long as news of changes come; without news they are read each time."""

    def __init__(self, database: Database, database_url: str, audit: AuditOutbox) -> None:
        self._database, self._store, self._audit = database, BenefitStore(database), audit
        self._news = BenefitNews(database_url, self._drop)
        self._kept: OrderedDict[UUID, Mapping[str, Sequence[str]]] = OrderedDict()
        # How often something was dropped: what was read before the last time must not be kept.
        self._drops = 0

    async def of(self, tenant_id: UUID) -> Mapping[str, Sequence[str]]:
        """The benefits of all segments by name."""
        kept = self._kept.get(tenant_id)
        if kept is not None:
            self._kept.move_to_end(tenant_id)
            return kept
        self._news.start()
        drops, is_listening = self._drops, self._news.is_listening
        found = {**BENEFITS, **await self._store.find(tenant_id)}
        if is_listening and drops == self._drops:
            self._kept[tenant_id] = found
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    async def set(self, caller: Identity, segmento: str, beneficios: Sequence[str]) -> tuple[str, list[str]]:
        """Replaces the benefits of a segment; gives its name and them. Errors: SEGMENT_NOT_FOUND."""
        name = normalize("NFC", segmento).strip()
        if name not in BENEFITS:
            raise NotFound("SEGMENT_NOT_FOUND", "There is no such segment.", segmento=segmento)
        clean = [_clean(place, text) for place, text in enumerate(beneficios)]
        if len(set(clean)) < len(clean):
            # The contract compares what was sent, and these differ in white space only.
            raise _broken(("body", "beneficios"), "repeated value must contain unique items", "repeated.unique")
        async with self._database.tenant_session(caller.tenant_id) as session:
            await self._store.set(session, caller.tenant_id, name, clean)
            await self._audit.record(
                session,
                tenant_id=caller.tenant_id,
                actor=caller.subject,
                action="set_segment_benefits",
                resource=f"rfm/segmentos/{name}",
                details={"beneficios": "; ".join(clean)},
            )
        self.forget(caller.tenant_id)
        return name, clean

    def forget(self, tenant_id: UUID) -> None:
        """Drops what is in memory of a tenant."""
        self._drop(tenant_id)

    async def close(self) -> None:
        await self._news.close()

    def _drop(self, tenant_id: UUID | None) -> None:
        self._drops += 1
        if tenant_id is None:
            self._kept.clear()
        else:
            self._kept.pop(tenant_id, None)


def _clean(place: int, text: str) -> str:
    """The text on one line, with single spaces and nothing that a database refuses."""
    clean = " ".join(normalize("NFC", text).replace("\0", "\ufffd").split())
    if not clean:
        raise _broken(("body", "beneficios", str(place)), "must not be white space alone", "string.pattern")
    return clean


def _broken(loc: tuple[str, ...], message: str, rule: str) -> Unprocessable:
    return Unprocessable("INVALID_REQUEST", f"beneficios {message}", violations=[Violation(loc, message, rule)])
