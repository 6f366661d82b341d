"""Reads what the gateway needs to know of every rpc from the descriptor set."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from atalaya.policies import HttpBinding, RpcPolicy, descriptor_set, rpc_policies
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto

READING_VERBS = ("Get", "List", "Check", "Export")


@dataclass(frozen=True)
class Rpc:
    """One rpc of the suite with its policy and the service process that answers it."""

    policy: RpcPolicy
    service: str
    cluster: str
    method: MethodDescriptorProto

    @property
    def name(self) -> str:
        return self.method.name

    @property
    def upstream(self) -> str:
        """The cluster of Envoy's that takes the rpc: the service's own, or the narrow one beside it."""
        return hashing_cluster(self.cluster) if self.policy.hashes_password else self.cluster

    @property
    def streams_upload(self) -> bool:
        """True where the request is a stream, so that its body has no limit of size."""
        return self.method.client_streaming

    @property
    def is_read(self) -> bool:
        """True where the rpc changes nothing, so that it may be sent again."""
        if self.policy.bindings:
            return self.policy.bindings[0].method == "GET"
        return self.name.startswith(READING_VERBS)


@cache
def rpcs() -> tuple[Rpc, ...]:
    """Gives every rpc that the gateway leads to, in the order of the contracts."""
    return tuple(rpc for rpc in _rpcs() if not rpc.policy.internal)


def _rpcs() -> Iterator[Rpc]:
    policies = rpc_policies()
    for file in descriptor_set().file:
        for service in file.service:
            for method in service.method:
                name = f"{file.package}.{service.name}"
                yield Rpc(
                    policy=policies[f"/{name}/{method.name}"],
                    service=name,
                    cluster=file.package.split(".")[1],
                    method=method,
                )


def clusters() -> tuple[str, ...]:
    """Names the service processes that have rpcs, as `auth`."""
    return tuple(sorted({rpc.cluster for rpc in rpcs()}))


def hashing_clusters() -> tuple[str, ...]:
    """Names the service processes that have rpcs which hash passwords."""
    return tuple(sorted({rpc.cluster for rpc in rpcs() if rpc.policy.hashes_password}))


def hashing_cluster(service: str) -> str:
    """Names the cluster that leads to a service's rpcs which hash passwords."""
    return f"{service}_hashing"


def services() -> tuple[str, ...]:
    """Names the proto services, as `atalaya.auth.v1.AuthService`."""
    return tuple(sorted({rpc.service for rpc in rpcs()}))


def routes() -> Iterator[tuple[Rpc, HttpBinding]]:
    """Gives every REST route with its rpc."""
    for rpc in rpcs():
        for binding in rpc.policy.bindings:
            yield rpc, binding


def bare_descriptors() -> bytes:
    """Gives the descriptor set without comments, which is all that Envoy's transcoder reads."""
    bare = FileDescriptorSet()
    bare.CopyFrom(descriptor_set())
    for file in bare.file:
        file.ClearField("source_code_info")
    return bare.SerializeToString(deterministic=True)
