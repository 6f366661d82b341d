"""Mails that are to be sent, as jobs: what they say, and the tokens in them, is made when they are sent."""

from typing import get_args
from uuid import UUID

from service_runtime.jobs import JobQueue, JobRecord
from service_runtime.request import current_request

from auth_service.accounts import DEFAULT_LANGUAGE, NOBODY, Language
from auth_service.lookup_store import Lookups
from auth_service.tenant_store import TenantRecords

SEND_RESET_MAIL = "send_reset_mail"
SEND_INVITATION_MAIL = "send_invitation_mail"


class MailJobs:
    """Queues mails within the transaction of their cause."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def reset(self, lookups: Lookups, email: str, language: Language) -> JobRecord:
        """Queues the mail to whoever has an address; it is nobody's job, since nobody was looked for yet."""
        payload = {"email": email, "language": language}
        return await self._queue.enqueue(
            lookups.session, tenant_id=NOBODY, kind=SEND_RESET_MAIL, payload=payload, requested_by=""
        )

    async def invitation(
        self, records: TenantRecords, invitation_id: UUID, language: Language, requested_by: str
    ) -> JobRecord:
        payload = {"invitation_id": str(invitation_id), "language": language}
        return await self._queue.enqueue(
            records.session,
            tenant_id=records.tenant_id,
            kind=SEND_INVITATION_MAIL,
            payload=payload,
            requested_by=requested_by,
        )


def asked_language() -> Language:
    """Gives the first language of the call's Accept-Language that mails are written in."""
    request = current_request.get()
    accepted = request.metadata.get("accept-language", "") if request is not None else ""
    for wish in accepted.split(","):
        for language in get_args(Language):
            if wish.strip().lower().startswith(language):
                return language  # type: ignore[no-any-return]
    return DEFAULT_LANGUAGE
