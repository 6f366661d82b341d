"""What the servicers of reports have alike."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message
from service_runtime.identity import caller

from analytics_service.answer import Answer
from analytics_service.answers import Answers
from analytics_service.as_of import parse_as_of
from analytics_service.reports import Report

R = TypeVar("R", bound=Message)


class _AsOfRequest(Protocol):
    as_of: str


class ReportServicer:
    """Answers from the caller's lake, as of the time that the request names."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def _report(
        self, request: _AsOfRequest, report: Report, shape: Callable[[Answer], R], **parameters: int
    ) -> R:
        as_of = parse_as_of(request.as_of)
        return await self._answers.answer(caller().tenant_id, report, shape, as_of, **parameters)
