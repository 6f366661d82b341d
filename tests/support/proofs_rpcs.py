"""Every rpc of the contracts with its messages, its policy and the services that serve it."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import atalaya
from atalaya.policies import HttpBinding, RpcPolicy, rpc_policies
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor

SERVICES = ("auth", "ingest", "ml", "insights", "analytics")
# One contract that several services serve: erasure is everybody's but auth's, which asks for it.
SHARED = {"tenancy": SERVICES[1:]}


@dataclass(frozen=True)
class Rpc:
    """One rpc as one service serves it."""

    policy: RpcPolicy
    method: MethodDescriptor
    service: str

    def __str__(self) -> str:
        return f"{self.service}:{self.path.removeprefix('/atalaya.')}"

    @property
    def path(self) -> str:
        return self.policy.full_method

    @property
    def name(self) -> str:
        return str(self.method.name)

    @property
    def request_type(self) -> type[Any]:
        return message_factory.GetMessageClass(self.method.input_type)

    @property
    def reply_type(self) -> type[Any]:
        return message_factory.GetMessageClass(self.method.output_type)

    @property
    def takes_stream(self) -> bool:
        return bool(self.method.client_streaming)

    @property
    def binding(self) -> HttpBinding | None:
        """The first of its REST routes, if it has one."""
        return self.policy.bindings[0] if self.policy.bindings else None

    @property
    def writes(self) -> bool:
        """Whether it may change something; by its name, as the contracts use verbs."""
        return not self.name.startswith(("Get", "BatchGet", "List", "Export", "Predict", "Score"))


@cache
def every_rpc() -> tuple[Rpc, ...]:
    """Gives every rpc, those that change something last, and of these those that delete."""
    return tuple(sorted(_all(), key=lambda rpc: (rpc.writes, rpc.name.startswith("Delete"), str(rpc))))


def _all() -> Iterator[Rpc]:
    _load_contracts()
    pool = descriptor_pool.Default()
    for path, policy in rpc_policies().items():
        service, _, name = path.strip("/").partition("/")
        method = pool.FindServiceByName(service).methods_by_name[name]
        owner = service.split(".")[1]
        for each in SHARED.get(owner, (owner,)):
            yield Rpc(policy, method, each)


def _load_contracts() -> None:
    for module in pkgutil.walk_packages(atalaya.__path__, "atalaya."):
        if module.name.endswith("_pb2"):
            importlib.import_module(module.name)
