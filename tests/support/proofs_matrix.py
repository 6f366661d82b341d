"""The matrix of who may call what: every rpc by every caller, judged by the contracts' policies alone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from atalaya.policies import RpcPolicy
from service_runtime.policy import Policy

from support.proofs_callers import ROLES
from support.proofs_calls import Answer

AT_ONCE = 12
Expectation = Callable[[Policy], frozenset[str]]
LET_IN, ROLE, NOBODY, SERVICES = (frozenset({word}) for word in ("let in", "role", "no identity", "services only"))


class Judged(Protocol):
    """An rpc of the matrix."""

    @property
    def policy(self) -> Any: ...


@dataclass(frozen=True)
class Caller:
    """Somebody who tries each rpc; `headers` prove who it is, `expected` says what the guard must decide."""

    name: str
    headers: Callable[[Any], Awaitable[Mapping[str, str]]]
    expected: Expectation


def as_nobody(policy: Policy) -> frozenset[str]:
    """Without a token only what is public is open."""
    return LET_IN if policy.public else NOBODY


def as_liar(_policy: Policy) -> frozenset[str]:
    """A token that does not hold is refused everywhere, also where none is needed."""
    return NOBODY


def as_role(role: str) -> Expectation:
    """A person or program with a role may call what needs that role or a lower one."""

    def expected(policy: Policy) -> frozenset[str]:
        if policy.public:
            return LET_IN
        if policy.service_only:
            return SERVICES
        if policy.least_role not in ROLES:
            return ROLE | SERVICES
        return LET_IN if ROLES.index(role) >= ROLES.index(policy.least_role) else ROLE

    return expected


def as_service(policy: Policy) -> frozenset[str]:
    """A service may call what is for services and, since it is nobody with a role, nothing else."""
    return LET_IN if policy.service_only else frozenset({"not for services"})


@dataclass(frozen=True)
class Cell:
    """One rpc as one caller found it."""

    rpc: str
    caller: str
    expected: frozenset[str]
    answer: Answer

    @property
    def differs(self) -> bool:
        return self.answer.verdict not in self.expected or self.answer.broken

    def __str__(self) -> str:
        told = f"{self.answer.status} {self.answer.reason} {self.answer.detail[:120]}"
        return f"{self.rpc} by {self.caller}: {self.answer.verdict} ({told}), not {'/'.join(sorted(self.expected))}"


async def matrix(
    rpcs: Iterable[Any],
    callers: Iterable[Caller],
    call: Callable[[Any, Mapping[str, str]], Awaitable[Answer]],
    *,
    nowhere: Callable[[RpcPolicy], bool] = lambda _policy: False,
) -> list[Cell]:
    """Fills every cell; what leads `nowhere` must be unreachable for everybody."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def cell(rpc: Any, caller: Caller) -> Cell:
        expected = frozenset({"not there"}) if nowhere(rpc.policy) else caller.expected(rpc.policy)
        async with turns:
            answer = await call(rpc, await caller.headers(rpc))
        return Cell(str(rpc), caller.name, expected, answer)

    everybody = list(callers)
    return list(await asyncio.gather(*(cell(rpc, caller) for rpc in rpcs for caller in everybody)))
