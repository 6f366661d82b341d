"""Every REST route of the suite with what it does, read from the contracts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from atalaya.policies import descriptor_set, rpc_policies
from google.protobuf.descriptor_pb2 import FileDescriptorProto

# Field numbers in the descriptors: the services of a file, the methods of a service.
_SERVICE, _METHOD = 6, 2


@dataclass(frozen=True, order=True)
class Route:
    """A REST route."""

    path: str
    method: str
    summary: str


@cache
def routes() -> tuple[Route, ...]:
    """All routes, by path."""
    summaries = {name: text for file in descriptor_set().file for name, text in _summaries(file)}
    return tuple(
        sorted(
            Route(binding.path, binding.method, summaries.get(rpc, ""))
            for rpc, policy in rpc_policies().items()
            for binding in policy.bindings
        )
    )


def _summaries(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
    for number, service in enumerate(file.service):
        for index, method in enumerate(service.method):
            comment = comments.get((_SERVICE, number, _METHOD, index), "")
            yield f"/{file.package}.{service.name}/{method.name}", _first_sentence(comment)


def _first_sentence(comment: str) -> str:
    text = " ".join(comment.split())
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]
