"""Makes any call of the contracts, over REST or gRPC, and gives the answer in one form."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import grpc
import httpx
from google.protobuf import json_format
from service_runtime.status import from_rpc_error

from support.proofs_rpcs import Rpc

DEADLINE_SECONDS = 40
Headers = Mapping[str, str]
# What only the guard says, before any rule of a service is asked.
NO_IDENTITY = {"TOKEN_REQUIRED", "TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED", "UNAUTHENTICATED"}
SERVICE_ONLY = {"SERVICE_ONLY", "RPC_CLOSED"}
# What the gateway says of a path that leads nowhere; the services' own reasons name what was not found.
NO_ROUTE = {"ROUTE_NOT_FOUND"}


@dataclass(frozen=True)
class Answer:
    """What came back: a status of gRPC or HTTP, our reason and sentence where it is an error, else the reply."""

    status: str
    reason: str = ""
    detail: str = ""
    reply: str = ""

    @property
    def good(self) -> bool:
        return not self.reason

    @property
    def verdict(self) -> str:
        """What the guard decided: `let in`, or why not."""
        if self.reason in NO_IDENTITY:
            return "no identity"
        if self.reason == "ROLE_NOT_SUFFICIENT":
            return "role"
        if self.reason in SERVICE_ONLY:
            return "services only"
        if self.reason == "NOT_FOR_SERVICES":
            return "not for services"
        if self.status in ("UNIMPLEMENTED", "501") or self.reason in NO_ROUTE:
            return "not there"
        return "let in"

    @property
    def broken(self) -> bool:
        """Whether it is nobody's fault but the server's."""
        return self.status in ("INTERNAL", "UNKNOWN", "DATA_LOSS", "DEADLINE_EXCEEDED", "500", "502", "504")


async def by_grpc(channel: grpc.aio.Channel, rpc: Rpc, request: Any, headers: Headers) -> Answer:
    """Calls over gRPC, through the gateway or straight to a service: that is the channel's to say."""
    codecs: Any = {
        "request_serializer": rpc.request_type.SerializeToString,
        "response_deserializer": rpc.reply_type.FromString,
    }
    options: Any = {"metadata": tuple(headers.items()), "timeout": DEADLINE_SECONDS}
    try:
        if rpc.method.server_streaming:
            texts = [_json(each) async for each in channel.unary_stream(rpc.path, **codecs)(request, **options)]
            return Answer("OK", reply="\n".join(texts))
        if rpc.takes_stream:
            reply = await channel.stream_unary(rpc.path, **codecs)(iter([request]), **options)
        else:
            reply = await channel.unary_unary(rpc.path, **codecs)(request, **options)
    except grpc.aio.AioRpcError as error:
        told = from_rpc_error(error)
        return Answer(error.code().name, told.reason, told.message)
    return Answer("OK", reply=_json(reply))


def _json(reply: Any) -> str:
    return str(json_format.MessageToJson(reply, preserving_proto_field_name=True))


async def by_rest(client: httpx.AsyncClient, rpc: Rpc, request: Any, headers: Headers) -> Answer:
    """Calls the first REST route of an rpc; one without routes is called by its gRPC name, as a JSON POST."""
    fields = json_format.MessageToDict(request, preserving_proto_field_name=True)
    return await send(client, rpc, fields, headers)


async def send(client: httpx.AsyncClient, rpc: Rpc, fields: dict[str, Any], headers: Headers) -> Answer:
    """Calls over REST with the given fields, which may be others than the contract's."""
    binding = rpc.binding
    if binding is None:
        return _answer(await client.post(rpc.path, json=fields, headers=dict(headers)))
    rest = {name: value for name, value in fields.items() if name not in binding.path_fields}
    options: dict[str, Any] = {"headers": dict(headers)}
    if binding.body == "*":
        options["json"] = rest
    elif binding.body:
        rest.pop(binding.body, None)
        options |= {"content": _file(fields, binding.body), "params": rest}
        options["headers"]["content-type"] = "text/csv"
    else:
        options["params"] = {name: _text(value) for name, value in rest.items()}
    path = re.sub(r"\{([\w.]+)[^}]*\}", lambda found: _path_part(fields[found[1]], found[0]), binding.path)
    return _answer(await client.request(binding.method, path, **options))


def _file(fields: Mapping[str, Any], name: str) -> bytes:
    """Gives the bytes of a file, which JSON has in base64."""
    return base64.b64decode(fields.get(name, ""))


def _path_part(value: Any, template: str) -> str:
    return quote(str(value), safe="/" if "=" in template else "")


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _answer(response: httpx.Response) -> Answer:
    status = str(response.status_code)
    if response.is_success:
        return Answer(status, reply=response.text)
    try:
        body = response.json()
        return Answer(status, body["code"], str(body["detail"]))
    except (ValueError, KeyError, TypeError):
        return Answer(status, f"HTTP_{status}", response.text[:500])
