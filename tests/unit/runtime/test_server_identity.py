"""Who may call: each rpc is closed until its policy says otherwise."""

import asyncio
from uuid import UUID, uuid4

import pytest
from service_runtime.identity import caller, optional_caller
from support.running import refusal
from support.sample_rpcs import Request, SamplePolicy, SampleServers, SampleStub
from support.tokens import TestIssuer, bearer

REQUEST = Request(job_id="x")


async def who(_word: str) -> str:
    identity = caller()
    return f"{identity.username} {identity.role} {identity.tenant_id} {identity.timezone}"


async def who_if_anybody(_word: str) -> str:
    identity = optional_caller()
    return identity.username if identity else "nobody"


async def test_a_good_token_gives_the_identity(rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID) -> None:
    async with rpcs.serving(who, SamplePolicy("user")) as stub:
        reply = await stub.one(REQUEST, metadata=issuer.bearer(tenant_id, "user"))
    assert reply.job_id == f"test-user user {tenant_id} America/Mexico_City"


async def test_an_rpc_without_policy_is_closed_to_everybody(
    rpcs: SampleServers, issuer: TestIssuer, tenant_id: UUID
) -> None:
    async with rpcs.serving(who, SamplePolicy()) as stub:
        error = await refusal(stub.one(REQUEST, metadata=issuer.bearer(tenant_id, "admin")))
    assert (error.reason, error.http_status) == ("ROLE_NOT_SUFFICIENT", 403)


@pytest.mark.parametrize(
    ("role", "least_role", "allowed"),
    [
        ("viewer", "viewer", True),
        ("viewer", "user", False),
        ("user", "user", True),
        ("user", "admin", False),
        ("admin", "viewer", True),
        ("admin", "owner", False),
    ],
)
async def test_a_role_has_the_rights_of_those_before_it(
    rpcs: SampleServers, issuer: TestIssuer, role: str, least_role: str, allowed: bool
) -> None:
    async with rpcs.serving(who, SamplePolicy(least_role)) as stub:
        call = stub.one(REQUEST, metadata=issuer.bearer(uuid4(), role))
        if allowed:
            await call
        else:
            assert (await refusal(call)).reason == "ROLE_NOT_SUFFICIENT"


async def test_a_call_without_token_is_refused(rpcs: SampleServers) -> None:
    async with rpcs.serving(who, SamplePolicy("viewer")) as stub:
        assert (await refusal(stub.one(REQUEST))).reason == "TOKEN_REQUIRED"


async def test_a_public_rpc_takes_no_token_or_a_good_one(rpcs: SampleServers, issuer: TestIssuer) -> None:
    async with rpcs.serving(who_if_anybody) as stub:
        assert (await stub.one(REQUEST)).job_id == "nobody"
        assert (await stub.one(REQUEST, metadata=issuer.bearer(uuid4()))).job_id == "test-admin"
        assert (await refusal(stub.one(REQUEST, metadata=bearer("bad")))).reason == "TOKEN_INVALID"


async def test_identity_headers_prove_nothing(rpcs: SampleServers, tenant_id: UUID) -> None:
    headers = (("x-user", "admin"), ("x-tenant-id", str(tenant_id)), ("x-jwt-payload", "e30"))
    async with rpcs.serving(who, SamplePolicy("viewer")) as stub:
        assert (await refusal(stub.one(REQUEST, metadata=headers))).reason == "TOKEN_REQUIRED"


async def test_a_scheme_other_than_bearer_is_refused(rpcs: SampleServers) -> None:
    async with rpcs.serving(who, SamplePolicy("viewer")) as stub:
        error = await refusal(stub.one(REQUEST, metadata=(("authorization", "Basic YTpi"),)))
    assert error.reason == "TOKEN_INVALID"


@pytest.mark.parametrize("shape", ["many", "collect", "talk"])
async def test_streams_are_closed_in_the_same_way(rpcs: SampleServers, shape: str) -> None:
    async with rpcs.serving(who, SamplePolicy("viewer")) as stub:
        assert (await refusal(_drained(stub, shape))).reason == "TOKEN_REQUIRED"


async def _drained(stub: SampleStub, shape: str) -> object:
    if shape == "collect":
        return await stub.collect(iter([REQUEST]))
    call = stub.many(REQUEST) if shape == "many" else stub.talk(iter([REQUEST]))
    return [reply async for reply in call]


async def test_two_calls_at_once_keep_their_own_identities(rpcs: SampleServers, issuer: TestIssuer) -> None:
    both_are_in = asyncio.Barrier(2)

    async def who_after_both_came(_word: str) -> str:
        await both_are_in.wait()
        return caller().username

    async with rpcs.serving(who_after_both_came, SamplePolicy("viewer")) as stub:
        calls = [stub.one(REQUEST, metadata=issuer.bearer(uuid4(), username=name)) for name in ("ana", "eva")]
        assert [(await call).job_id for call in calls] == ["ana", "eva"]
