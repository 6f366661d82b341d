"""Serves one call that calls on to itself, and tells all it can: `python -m support.sample_service.telling`."""

import asyncio
import os
import urllib.request

import structlog
from atalaya.ingest.v1.data_pb2 import ListRejectedRowsRequest as Request
from service_runtime import telemetry
from service_runtime.client import open_channel
from service_runtime.config import RuntimeSettings, load_settings
from service_runtime.server import Server

from support.sample_rpcs import SamplePolicy, SampleServicer, SampleStub, add_to_server, policies
from support.tokens import TestIssuer


async def main() -> None:
    """Makes the call with a trace of its own and prints the metrics page."""
    settings, issuer = load_settings(RuntimeSettings), TestIssuer()
    telemetry.setup(settings, "sample")
    server = Server(settings, policies=policies(SamplePolicy("viewer")), verifier=issuer.verifier(), name="sample")
    async with open_channel(settings.listen_address, settings) as channel:
        stub = SampleStub(channel)

        async def behave(word: str) -> str:
            structlog.get_logger("sample").warning("told", word=word, password="hunter2", access_token="hunter2")
            if word == "broken":
                raise RuntimeError("broken inside")
            return str((await stub.one(Request(job_id="inner"))).job_id) if word == "outer" else word

        server.add(add_to_server, SampleServicer(behave))
        await server.start()
        traced = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        metadata = (*issuer.bearer(os.environ["TENANT"]), traced, ("x-request-id", "my-request"))
        await stub.one(Request(job_id="outer"), metadata=metadata)
        try:
            await stub.one(Request(job_id="broken"), metadata=metadata)
        except Exception as error:
            print(error)
    page = await asyncio.to_thread(urllib.request.urlopen, f"http://{settings.metrics_address}/metrics")
    print(page.read().decode())
    await server.stop()
    telemetry.shut_down()


asyncio.run(main())
