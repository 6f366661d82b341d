"""gRPC and gRPC-web on the port that also serves REST."""

import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import httpx
import pytest
from atalaya.analytics.v1 import rfm_pb2, rfm_pb2_grpc, system_pb2, system_pb2_grpc
from atalaya.auth.v1 import auth_pb2, auth_pb2_grpc
from atalaya.ingest.v1 import data_pb2, data_pb2_grpc, records_pb2, records_pb2_grpc
from google.api import httpbody_pb2

Bearer = Callable[..., dict[str, str]]


@pytest.fixture
async def channel(edge: Any) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{edge.port}") as channel:
        yield channel


async def test_a_public_rpc_answers(channel: grpc.aio.Channel) -> None:
    reply = await system_pb2_grpc.SystemServiceStub(channel).GetHealth(system_pb2.GetHealthRequest())

    assert reply.status == "OK"


async def test_a_closed_rpc_wants_a_token(channel: grpc.aio.Channel, bearer: Bearer) -> None:
    stub = auth_pb2_grpc.UsersServiceStub(channel)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetMe(auth_pb2.GetMeRequest())
    user = await stub.GetMe(auth_pb2.GetMeRequest(), metadata=tuple(bearer("viewer").items()))

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert user.role == "viewer"


async def test_a_bad_token_is_refused_as_unauthenticated(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system_pb2_grpc.SystemServiceStub(channel).GetHealth(
            system_pb2.GetHealthRequest(), metadata=(("authorization", "Bearer a.b.c"),)
        )

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_an_error_keeps_its_details_and_shows_no_inner_header(channel: grpc.aio.Channel, bearer: Bearer) -> None:
    # A caller who claims to come from REST is not believed.
    metadata = (*bearer().items(), ("x-envoy-original-path", "/api/v1/rfm/cliente/missing"))

    call = rfm_pb2_grpc.RfmServiceStub(channel).GetCustomer(
        rfm_pb2.GetCustomerRequest(id_cuenta="missing"), metadata=metadata
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call

    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert "CUSTOMER_NOT_FOUND" in str(refused.value.trailing_metadata())
    assert not {key for key, _ in refused.value.initial_metadata() or () if key.startswith(("x-http", "x-error"))}


async def test_a_stream_of_file_parts_arrives(channel: grpc.aio.Channel, bearer: Bearer) -> None:
    async def parts() -> AsyncIterator[data_pb2.ImportDataRequest]:
        for _ in range(64):
            file = httpbody_pb2.HttpBody(content_type="text/csv", data=bytes(65536))
            yield data_pb2.ImportDataRequest(kind="posts", file=file)

    reply = await data_pb2_grpc.DataServiceStub(channel).ImportData(parts(), metadata=tuple(bearer().items()))

    assert reply.bytes_received == 64 * 65536


async def test_an_unknown_rpc_is_unimplemented(channel: grpc.aio.Channel) -> None:
    call = channel.unary_unary("/atalaya.auth.v1.AuthService/Nothing", None, None)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(b"")

    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_deadline_of_the_caller_holds(channel: grpc.aio.Channel, bearer: Bearer) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await rfm_pb2_grpc.RfmServiceStub(channel).GetCustomer(
            rfm_pb2.GetCustomerRequest(id_cuenta="slow"), metadata=tuple(bearer().items()), timeout=0.2
        )

    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_messages_larger_than_a_json_body_pass(channel: grpc.aio.Channel, bearer: Bearer) -> None:
    request = records_pb2.ExportPublicacionesJsonRequest(usuario="a" * 2_000_000)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await records_pb2_grpc.RecordsServiceStub(channel).ExportPublicacionesJson(
            request, metadata=tuple(bearer().items())
        )

    # The contract's limit on the name refuses it, so the message came through.
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_browser_calls_by_grpc_web(client: httpx.AsyncClient) -> None:
    message = system_pb2.GetHealthRequest().SerializeToString()
    headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1", "origin": "http://localhost:3000"}

    response = await client.post(
        "/atalaya.analytics.v1.SystemService/GetHealth",
        content=struct.pack(">BI", 0, len(message)) + message,
        headers=headers,
    )

    flag, length = struct.unpack(">BI", response.content[:5])
    assert (response.status_code, flag) == (200, 0)
    assert system_pb2.GetHealthResponse.FromString(response.content[5 : 5 + length]).status == "OK"
    assert b"grpc-status:0" in response.content[5 + length :]
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
