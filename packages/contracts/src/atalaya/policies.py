"""What the contracts say about each rpc beyond its messages: who may call it, and its REST routes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto

from atalaya.options.v1 import access_pb2


@dataclass(frozen=True)
class HttpBinding:
    """One REST route of an rpc. `body` is empty, `*`, or the field that takes the body."""

    method: str
    path: str
    path_fields: frozenset[str]
    body: str


@dataclass(frozen=True)
class RpcPolicy:
    """Who may call an rpc and how it looks over REST. One that is for nobody (no role, not public) is closed."""

    full_method: str
    least_role: str
    public: bool
    success_status: int
    bindings: tuple[HttpBinding, ...]
    # The gateway leads nobody there.
    internal: bool
    # Only services may call, with a token for the called service.
    service_only: bool
    # A call may bring an idempotency key.
    idempotency_key: bool
    # A call hashes a password.
    hashes_password: bool


def descriptor_set() -> FileDescriptorSet:
    """Reads the descriptor set of all protos, with comments."""
    return FileDescriptorSet.FromString(resources.files("atalaya").joinpath("descriptors.binpb").read_bytes())


@cache
def rpc_policies() -> Mapping[str, RpcPolicy]:
    """Gives the policy of every rpc of the suite by its full method, as in `/atalaya.auth.v1.AuthService/Login`."""
    return {policy.full_method: policy for policy in _policies()}


def _policies() -> Iterator[RpcPolicy]:
    for file in descriptor_set().file:
        for service in file.service:
            for method in service.method:
                yield _policy(f"/{file.package}.{service.name}/{method.name}", method)


def _policy(full_method: str, method: MethodDescriptorProto) -> RpcPolicy:
    access = method.options.Extensions[access_pb2.access]
    role = access_pb2.Role.Name(access.least_role).removeprefix("ROLE_").lower() if access.least_role else ""
    rules = []
    if method.options.HasExtension(annotations_pb2.http):
        first = method.options.Extensions[annotations_pb2.http]
        rules = [first, *first.additional_bindings]
    return RpcPolicy(
        full_method=full_method,
        least_role=role,
        public=access.public,
        success_status=access.success_status or 200,
        bindings=tuple(_binding(rule) for rule in rules),
        internal=access.internal or access.service_only,
        service_only=access.service_only,
        idempotency_key=access.idempotency_key,
        hashes_password=access.hashes_password,
    )


def _binding(rule: HttpRule) -> HttpBinding:
    verb = rule.WhichOneof("pattern") or ""
    path = str(getattr(rule, verb))
    return HttpBinding(verb.upper(), path, frozenset(re.findall(r"\{([\w.]+)", path)), rule.body)
