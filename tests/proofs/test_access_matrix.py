"""Every rpc by every kind of caller, by each way in, is open to whom its contract says and to nobody else (I-09)."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

import pytest
from atalaya.policies import RpcPolicy
from support.proofs_callers import ROLES, bearer
from support.proofs_calls import Answer, by_grpc, by_rest
from support.proofs_house import ENDS_ITS_CALLER, House
from support.proofs_matrix import Caller, Cell, as_liar, as_nobody, as_role, as_service, matrix
from support.proofs_requests import request_for
from support.proofs_rpcs import SERVICES, Rpc

Note = Callable[[str, object], None]


def callers(house: House) -> list[Caller]:
    """Nobody, a person and a program of each role, another company's admin, services, and three liars."""
    admin = house.a.people["admin"]

    async def nobody(_rpc: Rpc) -> Mapping[str, str]:
        return {}

    async def stranger(_rpc: Rpc) -> Mapping[str, str]:
        return house.headers(house.b.people["admin"])

    async def its_service(rpc: Rpc) -> Mapping[str, str]:
        # In the matters of a tenant that nobody needs: the erasure of one is among the calls.
        return bearer(house.tokens.of_service(rpc.service, str(uuid4())))

    async def other_service(rpc: Rpc) -> Mapping[str, str]:
        other = SERVICES[SERVICES.index(rpc.service) - 1]
        return bearer(house.tokens.of_service(other, admin.tenant_id))

    async def late(_rpc: Rpc) -> Mapping[str, str]:
        return bearer(house.tokens.expired(admin))

    async def forger(_rpc: Rpc) -> Mapping[str, str]:
        return bearer(house.tokens.by_unknown_key(admin))

    def person(role: str) -> Caller:
        async def headers(_rpc: Rpc) -> Mapping[str, str]:
            return house.headers(house.a.people[role])

        return Caller(role, headers, as_role(role))

    def program(role: str) -> Caller:
        async def headers(rpc: Rpc) -> Mapping[str, str]:
            return bearer(await house.api_key(role, fresh=rpc.name in ENDS_ITS_CALLER))

        return Caller(f"API key of {role}", headers, as_role(role))

    return [
        Caller("nobody", nobody, as_nobody),
        *(person(role) for role in ROLES),
        *(program(role) for role in ROLES),
        Caller("another tenant's admin", stranger, as_role("admin")),
        Caller("a service's token", its_service, as_service),
        Caller("another service's token", other_service, as_liar),
        Caller("expired token", late, as_liar),
        Caller("forged token", forger, as_liar),
    ]


async def straight(house: House, rpc: Rpc, headers: Mapping[str, str]) -> Answer:
    return await by_grpc(house.straight_to(rpc), rpc, request_for(rpc), headers)


async def through_gateway(house: House, rpc: Rpc, headers: Mapping[str, str]) -> Answer:
    return await by_grpc(house.gateway, rpc, request_for(rpc), headers)


async def over_rest(house: House, rpc: Rpc, headers: Mapping[str, str]) -> Answer:
    return await by_rest(house.rest, rpc, request_for(rpc), headers)


def is_never(_policy: RpcPolicy) -> bool:
    return False


def is_internal(policy: RpcPolicy) -> bool:
    return policy.internal


def is_without_route(policy: RpcPolicy) -> bool:
    return not policy.bindings


async def test_every_rpc_of_the_contracts_is_there(house: House) -> None:
    """All other proofs speak of the rpcs that a server has; this one fails where a contract promises more."""
    assert [str(rpc) for rpc in house.missing] == []


@pytest.mark.parametrize(
    ("way", "nowhere"),
    [(straight, is_never), (through_gateway, is_internal), (over_rest, is_without_route)],
    ids=["straight to the service", "gRPC through the gateway", "REST through the gateway"],
)
async def test_every_rpc_is_open_to_whom_its_contract_says(
    house: House, way: Callable[..., Awaitable[Answer]], nowhere: Callable[[RpcPolicy], bool], record_property: Note
) -> None:
    async def call(rpc: Rpc, headers: Mapping[str, str]) -> Answer:
        return await way(house, rpc, headers)

    cells = await matrix(house.rpcs, callers(house), call, nowhere=nowhere)

    assert [str(cell) for cell in cells if cell.differs] == []
    assert len(cells) == len(house.rpcs) * len(callers(house))
    record_property("proof", figures(way.__name__, cells))


def figures(way: str, cells: list[Cell]) -> str:
    let_in = sum(cell.answer.verdict == "let in" for cell in cells)
    return f"access, {way.replace('_', ' ')}: {len(cells)} cells, {let_in} let in, 0 differ"
