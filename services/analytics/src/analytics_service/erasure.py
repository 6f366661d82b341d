"""What analytics erases of a tenant that leaves: copies of its data on this disk, and answers in this memory."""

from uuid import UUID

from analytics_service.answers import Answers
from analytics_service.kept_files import KeptFiles
from analytics_service.rfm import Rfm


class Erasure:
    """Erases what this process keeps; each replica has a cache of its own, and so is asked by itself."""

    def __init__(self, kept: KeptFiles, answers: Answers, rfm: Rfm) -> None:
        self._kept, self._answers, self._rfm = kept, answers, rfm

    def erase(self, tenant_id: UUID) -> int:
        """Gives how many files there were."""
        self._answers.forget(tenant_id)
        self._rfm.forget(tenant_id)
        return self._kept.forget(str(tenant_id))
