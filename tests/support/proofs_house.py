"""Two companies of a running suite, their people, and the ways in."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx

from support.proofs_callers import ROLES, Person, SuiteTokens, bearer
from support.proofs_calls import by_grpc
from support.proofs_rpcs import SERVICES, Rpc, every_rpc
from support.running_suite import RunningSuite

# Whoever uses one of these is out afterwards, so a key that is to be used again must not.
ENDS_ITS_CALLER = {"Logout"}


@dataclass(frozen=True)
class Company:
    """A tenant with one person of each role."""

    name: str
    tenant_id: str
    people: Mapping[str, Person]


@dataclass
class House:
    """A running suite with companies A and B in it."""

    suite: RunningSuite
    tokens: SuiteTokens
    a: Company
    b: Company
    gateway: grpc.aio.Channel
    sockets: Mapping[str, grpc.aio.Channel]
    rest: httpx.AsyncClient
    # Those that a server has; `missing` are in the contracts alone.
    rpcs: tuple[Rpc, ...] = ()
    missing: tuple[Rpc, ...] = ()
    keys: dict[str, str] = field(default_factory=dict)
    making_keys: asyncio.Lock = field(default_factory=asyncio.Lock)

    def headers(self, person: Person) -> dict[str, str]:
        """Proves a person, with a session of its own."""
        return bearer(self.tokens.of_person(person))

    def straight_to(self, rpc: Rpc) -> grpc.aio.Channel:
        """The channel to the socket of the service that serves an rpc."""
        return self.sockets[rpc.service]

    async def api_key(self, role: str, *, fresh: bool = False) -> str:
        """Gives an API key of company A; a fresh one for who is going to use it up."""
        if fresh:
            return await self._new_api_key(role)
        async with self.making_keys:
            if role not in self.keys:
                self.keys[role] = await self._new_api_key(role)
        return self.keys[role]

    async def _new_api_key(self, role: str) -> str:
        body = {"name": f"proof-{secrets.token_hex(3)}", "role": role}
        reply = await self.rest.post("/api/v1/api-keys", json=body, headers=self.headers(self.a.people["admin"]))
        assert reply.status_code == httpx.codes.OK, reply.text
        return str(reply.json()["key"])


@asynccontextmanager
async def house_in(suite: RunningSuite) -> AsyncIterator[House]:
    """Moves two new companies into a suite and opens every way into it."""
    a, b = await asyncio.to_thread(_companies, suite)
    async with AsyncExitStack() as open_ways:
        gateway = await open_ways.enter_async_context(_channel(suite.url.removeprefix("http://")))
        sockets = {
            name: await open_ways.enter_async_context(_channel(f"unix:{suite.home.socket(name)}")) for name in SERVICES
        }
        rest = await open_ways.enter_async_context(
            httpx.AsyncClient(base_url=suite.url, timeout=60, trust_env=False, limits=httpx.Limits(max_connections=32))
        )
        house = House(suite, SuiteTokens(suite.home), a, b, gateway, sockets, rest)
        house.missing = tuple([rpc for rpc in every_rpc() if await _is_missing(house, rpc)])
        house.rpcs = tuple(rpc for rpc in every_rpc() if rpc not in house.missing)
        yield house


async def _is_missing(house: House, rpc: Rpc) -> bool:
    """Whether no server has an rpc; that is known before anybody is asked who they are."""
    answer = await by_grpc(house.straight_to(rpc), rpc, rpc.request_type(), {})
    return answer.status == "UNIMPLEMENTED"


def _channel(address: str) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])


def _companies(suite: RunningSuite) -> tuple[Company, Company]:
    mark = secrets.token_hex(3)
    wanted = [_wanted(f"{letter}{mark}") for letter in ("alfa", "beta")]
    made = suite.provision(wanted)["tenants"]
    a, b = (_company(said, there) for said, there in zip(wanted, made, strict=True))
    return a, b


def _wanted(name: str) -> dict[str, Any]:
    users = [
        {
            "username": f"{name}-{role}",
            "email": f"{role}@{name}.example",
            "role": role,
            "password": secrets.token_urlsafe(12),
        }
        for role in ROLES
    ]
    return {"name": name, "users": users}


def _company(said: dict[str, Any], there: dict[str, Any]) -> Company:
    ids = {user["username"]: user["id"] for user in there["users"]}
    people = {
        user["role"]: Person(
            user_id=ids[user["username"]],
            tenant_id=there["id"],
            role=user["role"],
            username=user["username"],
            email=user["email"],
            password=user["password"],
        )
        for user in said["users"]
    }
    return Company(said["name"], there["id"], people)
