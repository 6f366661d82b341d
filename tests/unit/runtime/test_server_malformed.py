"""What a server says to bytes that are no message, and of rpcs that it does not have."""

import grpc
import pytest
from atalaya.ingest.v1 import data_pb2
from atalaya.ingest.v1.data_pb2_grpc import DataServiceServicer, DataServiceStub, add_DataServiceServicer_to_server
from atalaya.policies import rpc_policies
from service_runtime.config import RuntimeSettings
from service_runtime.errors import InvalidArgument, Unauthenticated, Unimplemented
from service_runtime.server import Server
from support.running import refusal, running, socket_address
from support.sample_rpcs import SERVICE, SamplePolicy, SampleServers
from support.tokens import TestIssuer

NO_MESSAGE = b"\xff\xff\xff"


async def echo(word: str) -> str:
    return word


async def test_bytes_that_are_no_message_are_refused_in_our_own_words(rpcs: SampleServers) -> None:
    async with rpcs.serving(echo) as stub, grpc.aio.insecure_channel(stub.server.address) as channel:
        single = await refusal(channel.unary_unary(f"/{SERVICE}/GetOne", None, None)(NO_MESSAGE))
        stream = await refusal(channel.stream_unary(f"/{SERVICE}/Collect", None, None)(iter([NO_MESSAGE])))
    for error in (single, stream):
        assert isinstance(error, InvalidArgument)
        assert (error.reason, error.message) == ("MALFORMED_REQUEST", "The message cannot be read.")


async def test_a_stranger_is_not_told_that_a_message_cannot_be_read(rpcs: SampleServers) -> None:
    closed = SamplePolicy(least_role="viewer")
    async with rpcs.serving(echo, closed) as stub, grpc.aio.insecure_channel(stub.server.address) as channel:
        error = await refusal(channel.unary_unary(f"/{SERVICE}/GetOne", None, None)(NO_MESSAGE))
    assert isinstance(error, Unauthenticated)


async def test_an_rpc_without_a_method_is_unimplemented_and_no_fault(
    issuer: TestIssuer, tenant_id: object, caplog: pytest.LogCaptureFixture
) -> None:
    metadata = issuer.bearer(str(tenant_id))
    async with socket_address() as address:
        settings = RuntimeSettings(listen_address=address, drain_seconds=0)
        server = Server(settings, policies=rpc_policies(), verifier=issuer.verifier(), name="bare")
        server.add(add_DataServiceServicer_to_server, DataServiceServicer())  # type: ignore[abstract]
        async with running(server) as channel:
            stub = DataServiceStub(channel)
            rejected = data_pb2.ListRejectedRowsRequest(job_id="ingest/1")
            single = await refusal(stub.ListRejectedRows(rejected, metadata=metadata))
            download = stub.DownloadRejectedRows(
                data_pb2.DownloadRejectedRowsRequest(job_id="ingest/1"), metadata=metadata
            )
            stream = await refusal(download.read())
    assert isinstance(single, Unimplemented)
    assert isinstance(stream, Unimplemented)
    assert "unforeseen" not in caplog.text
