"""The controls of the matrix and of the comparison: servers whose guards are gone or leak, which both must notice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
import pytest
from service_runtime.config import RuntimeSettings
from service_runtime.errors import NotFound
from service_runtime.server import Server
from service_runtime.status import from_rpc_error
from support.proofs_callers import ROLES
from support.proofs_calls import Answer
from support.proofs_matrix import Caller, Cell, as_nobody, as_role, matrix
from support.proofs_probes import Report, compared, probes_of
from support.proofs_rpcs import Rpc, every_rpc
from support.running import running, socket_address
from support.sample_rpcs import (
    SERVICE,
    Request,
    SamplePolicy,
    SampleServers,
    SampleServicer,
    SampleStub,
    add_to_server,
)
from support.tokens import TestIssuer, bearer

TENANT = uuid4()
FOREIGN = "sample/0197e0a5-6c1e-7d3a-9a44-2f6f0f5b7c10"
# Its request is the sample's.
READ = next(rpc for rpc in every_rpc() if rpc.name == "ListRejectedRows")


@dataclass(frozen=True)
class SampleRpc:
    """The sample's rpc with what its contract is said to be."""

    policy: SamplePolicy


async def answered(stub: SampleStub, request: Any, headers: Mapping[str, str]) -> Answer:
    try:
        reply = await stub.one(request, metadata=tuple(headers.items()))
    except grpc.aio.AioRpcError as error:
        told = from_rpc_error(error)
        return Answer(error.code().name, told.reason, told.message)
    return Answer("OK", reply=reply.job_id)


async def echo(word: str) -> str:
    return word


def callers(issuer: TestIssuer) -> list[Caller]:
    async def nobody(_rpc: Any) -> Mapping[str, str]:
        return {}

    def person(role: str) -> Caller:
        async def headers(_rpc: Any) -> Mapping[str, str]:
            return dict(bearer(issuer.token(TENANT, role)))

        return Caller(role, headers, as_role(role))

    return [Caller("nobody", nobody, as_nobody), *(person(role) for role in ROLES)]


async def cells_of(stub: SampleStub, issuer: TestIssuer, said: SamplePolicy) -> list[Cell]:
    async def call(_rpc: Any, headers: Mapping[str, str]) -> Answer:
        return await answered(stub, Request(job_id="one", page_size=1), headers)

    return await matrix([SampleRpc(said)], callers(issuer), call)


@pytest.mark.parametrize("role", ROLES)
async def test_a_guarded_server_has_no_cell_that_differs(issuer: TestIssuer, role: str) -> None:
    async with SampleServers(issuer).serving(echo, SamplePolicy(least_role=role)) as stub:
        cells = await cells_of(stub, issuer, SamplePolicy(least_role=role))

    assert [str(cell) for cell in cells if cell.differs] == []


async def test_a_server_whose_guard_is_off_differs_in_every_closed_cell(issuer: TestIssuer) -> None:
    async with SampleServers(issuer).serving(echo, SamplePolicy(public=True)) as stub:
        cells = await cells_of(stub, issuer, SamplePolicy(least_role="admin"))

    assert [cell.caller for cell in cells if cell.differs] == ["nobody", "viewer", "user"]


async def test_a_server_that_is_too_strict_differs_too(issuer: TestIssuer) -> None:
    async with SampleServers(issuer).serving(echo, SamplePolicy(least_role="admin")) as stub:
        cells = await cells_of(stub, issuer, SamplePolicy(least_role="viewer"))

    assert [cell.caller for cell in cells if cell.differs] == ["viewer", "user"]


async def test_an_rpc_that_no_contract_names_is_closed_to_everybody(issuer: TestIssuer) -> None:
    async with socket_address() as address:
        server = Server(RuntimeSettings(listen_address=address), policies={}, verifier=issuer.verifier(), name="sample")
        server.add(add_to_server, SampleServicer(echo))
        async with running(server) as channel:
            stub = SampleStub(channel)
            reasons = {
                (await answered(stub, Request(job_id="one", page_size=1), await caller.headers(None))).reason
                for caller in callers(issuer)
            }

    assert reasons == {"RPC_CLOSED"}, SERVICE


async def compare(issuer: TestIssuer, behave: Any) -> Report:
    async with SampleServers(issuer).serving(behave, SamplePolicy(least_role="viewer")) as stub:

        async def call(_rpc: Rpc, request: Any, headers: Mapping[str, str]) -> Answer:
            return await answered(stub, request, headers)

        mine = dict(bearer(issuer.token(TENANT, "viewer")))
        probes = [probe for probe in probes_of(READ, [FOREIGN]) if probe.path == ("job_id",)]
        return await compared(READ, probes, {"viewer": lambda _rpc: mine}, call, ["topaz"])


async def test_a_server_that_keeps_silent_is_not_reported(issuer: TestIssuer) -> None:
    async def silent(_job_id: str) -> str:
        raise NotFound("JOB_NOT_FOUND", "There is no such job.")

    report = await compare(issuer, silent)

    assert (report.probes, report.odd) == (1, [])


async def test_a_server_that_gives_others_rows_is_reported(issuer: TestIssuer) -> None:
    async def leaking(job_id: str) -> str:
        if job_id == FOREIGN:
            return "a row of topaz"
        raise NotFound("JOB_NOT_FOUND", "There is no such job.")

    report = await compare(issuer, leaking)

    assert len(report.odd) == 2
    assert "shows topaz" in report.odd[1]


async def test_a_server_that_only_says_another_word_is_reported(issuer: TestIssuer) -> None:
    async def oracle(job_id: str) -> str:
        raise NotFound("JOB_NOT_FOUND", "It is not yours." if job_id == FOREIGN else "There is no such job.")

    assert len((await compare(issuer, oracle)).odd) == 1


async def test_a_server_that_shows_a_mark_to_every_id_is_reported(issuer: TestIssuer) -> None:
    async def careless(_job_id: str) -> str:
        return "all rows, topaz's too"

    assert [word for line in (await compare(issuer, careless)).odd for word in line.split() if word == "topaz:"] == [
        "topaz:"
    ]
