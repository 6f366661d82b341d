"""Every documented route on the running suite: closed to strangers, and answering what the OpenAPI document says."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pytest
from atalaya.auth.v1 import auth_pb2, auth_pb2_grpc
from atalaya_gateway.openapi.document import openapi_document
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from support.running_suite import RunningSuite

DOCUMENT = json.loads(json.dumps(openapi_document()))
REGISTRY: Any = Registry().with_resource("urn:atalaya", DRAFT202012.create_resource(DOCUMENT))


@dataclass(frozen=True)
class Operation:
    """One documented route with the examples of its parameters and body."""

    method: str
    path: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        examples = {part["name"]: part["example"] for part in self.said.get("parameters", ()) if part["in"] == "path"}
        return self.path.format(**examples)

    @property
    def query(self) -> dict[str, Any]:
        parameters = self.said.get("parameters", ())
        return {part["name"]: part["example"] for part in parameters if part["in"] == "query" and "example" in part}

    @property
    def body(self) -> dict[str, Any]:
        for kind, content in self.said.get("requestBody", {}).get("content", {}).items():
            if kind == "application/json":
                return {"json": content["example"]}
            return {"content": content["example"].encode(), "headers": {"content-type": kind}}
        return {}


OPERATIONS = [
    Operation(method.upper(), path, said)
    for path, item in DOCUMENT["paths"].items()
    for method, said in item.items()
    # Each registering makes a tenant; the token of these tests comes from one.
    if said["operationId"] != "auth_Register"
]
CLOSED = [operation for operation in OPERATIONS if operation.said["security"]]
OPEN_READS = [operation for operation in OPERATIONS if operation not in CLOSED and operation.method == "GET"]


# It ends the session that calls it, which the other routes still need.
LOG_OUT = "auth_Logout"


@pytest.fixture(scope="module")
def client(suite: RunningSuite) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=suite.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def token(client: httpx.Client) -> str:
    return register(client)


def register(client: httpx.Client) -> str:
    person = {"email": f"{uuid4().hex}@example.com", "password": "clave larga de rosa", "full_name": uuid4().hex}
    reply = client.post("/api/v1/auth/register", json=person)
    reply.raise_for_status()
    access_token: str = reply.json()["access_token"]
    return access_token


@pytest.fixture
async def channel(suite: RunningSuite) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(suite.url.removeprefix("http://")) as channel:
        yield channel


@pytest.mark.parametrize("operation", CLOSED, ids=str)
def test_a_closed_route_is_401_to_strangers(client: httpx.Client, operation: Operation) -> None:
    response = client.request(operation.method, operation.url, params=operation.query, **operation.body)

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("operation", OPEN_READS, ids=str)
def test_a_public_page_is_open_to_strangers(client: httpx.Client, operation: Operation) -> None:
    # The example of an id is nobody's.
    expected = 404 if "{" in operation.path else 200
    assert client.get(operation.url).status_code == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_route_answers_what_the_document_says(client: httpx.Client, token: str, operation: Operation) -> None:
    body = operation.body
    own = register(client) if operation.said["operationId"] == LOG_OUT else token
    headers = {"authorization": f"Bearer {own}", **body.pop("headers", {})}

    response = client.request(operation.method, operation.url, params=operation.query, headers=headers, **body)

    answer = operation.said["responses"].get(str(response.status_code))
    assert answer is not None, f"{response.status_code} is not documented: {response.text[:500]}"
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rsplit("/", 1)[-1]]
    kind = response.headers["content-type"].split(";")[0]
    schema = json.loads(json.dumps(answer["content"][kind]["schema"]).replace('"#/', '"urn:atalaya#/'))
    told = response.json() if kind == "application/json" else response.text
    assert [error.message for error in OAS31Validator(schema, registry=REGISTRY).iter_errors(told)] == []
    assert response.status_code < 500


async def test_the_port_of_rest_answers_grpc_with_the_same(
    client: httpx.Client, token: str, channel: grpc.aio.Channel
) -> None:
    metadata = (("authorization", f"Bearer {token}"),)

    user = await auth_pb2_grpc.UsersServiceStub(channel).GetMe(auth_pb2.GetMeRequest(), metadata=metadata)

    told = (await asyncio.to_thread(client.get, "/api/v1/users/me", headers=dict(metadata))).json()
    assert (user.id, user.email, user.tenant_id) == (told["id"], told["email"], told["tenant_id"])
