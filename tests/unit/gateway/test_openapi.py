"""The OpenAPI document: valid, complete, and its examples keep to its schemas."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from atalaya_gateway import contract, path_template
from atalaya_gateway.openapi.document import openapi_document
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = openapi_document()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def operation(method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method]
    return found


def reply(method: str, path: str, status: str = "200") -> dict[str, Any]:
    schema: dict[str, Any] = operation(method, path)["responses"][status]["content"]["application/json"]["schema"]
    return schema


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


def examples() -> Iterator[Any]:
    for path, method, made in operations():
        for parameter in made.get("parameters", ()):
            yield f"{method} {path} {parameter['name']}", parameter
        contents = [*made["responses"].items(), ("body", made.get("requestBody", {}))]
        for name, part in contents:
            for kind, content in part.get("content", {}).items():
                yield f"{method} {path} {name} {kind}", content


def test_the_document_is_valid() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


@pytest.mark.parametrize(("rpc", "binding"), list(contract.routes()))
def test_every_route_is_there(rpc: contract.Rpc, binding: Any) -> None:
    made = operation(binding.method.lower(), path_template.as_openapi(binding.path))

    assert str(rpc.policy.success_status) in made["responses"]
    assert made["security"] == ([] if rpc.policy.public else [{"bearer": []}, {"api_key": []}])
    assert {parameter["name"] for parameter in made["parameters"] if parameter["in"] == "path"} == binding.path_fields


def test_names_of_operations_are_unique() -> None:
    names = [made["operationId"] for _, _, made in operations()]

    assert len(names) == len(set(names))


def test_examples_keep_to_their_schemas() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    registry = Registry().with_resource("urn:atalaya", DRAFT202012.create_resource(document))

    for name, part in examples():
        if "example" in part and part["schema"].get("format") != "binary":
            schema = json.loads(json.dumps(part["schema"]).replace('"#/', '"urn:atalaya#/'))
            broken = OAS31Validator(schema, registry=registry).iter_errors(part["example"])
            assert [error.message for error in broken] == [], name


def test_limits_and_defaults_of_the_contract_are_said() -> None:
    parameters = operation("get", "/crud/publicaciones/{usuario}")["parameters"]
    limit = next(parameter for parameter in parameters if parameter["name"] == "limit")

    assert limit["schema"] == {"type": "integer", "format": "int32", "minimum": 1, "maximum": 1000, "default": 100}
    assert limit["description"].startswith("Posts at most")


def test_a_bare_array_is_described_by_the_typed_rpc_beside_it() -> None:
    schema = reply("get", "/crud/publicaciones/{usuario}")

    post, identity = schema["items"]["allOf"]
    assert schema["type"] == "array"
    assert "id_publicacion" in resolved(post)["required"]
    assert identity["required"] == ["id"]


@pytest.mark.parametrize("path", ["/claims/stats", "/audits/top-services"])
def test_a_bare_object_has_numbers_by_name(path: str) -> None:
    schema = reply("get", path)

    assert (schema["type"], schema["additionalProperties"]["type"]) == ("object", "integer")


def test_an_upload_takes_a_file_and_parameters() -> None:
    made = operation("post", "/api/v1/data/import")

    assert {"text/csv", "application/octet-stream"} <= set(made["requestBody"]["content"])
    assert {"kind", "account", "dry_run"} <= {parameter["name"] for parameter in made["parameters"]}
    assert "202" in made["responses"]


def test_what_may_be_missing_from_a_reply_is_not_promised() -> None:
    schema = resolved(reply("get", "/api/v1/users/me"))

    assert "last_login_at" in schema["properties"]
    assert "last_login_at" not in schema["required"]
    assert "email" in schema["required"]


def test_a_time_is_a_parameter() -> None:
    parameters = {each["name"]: each for each in operation("get", "/api/v1/audit-events")["parameters"]}

    for name in ("start_time", "end_time"):
        assert (parameters[name]["in"], parameters[name]["schema"]["format"]) == ("query", "date-time")


def test_every_way_to_prove_who_calls_is_described() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]

    assert schemes["bearer"]["scheme"] == "bearer"
    assert (schemes["api_key"]["type"], schemes["api_key"]["in"], schemes["api_key"]["name"]) == (
        "apiKey",
        "header",
        "X-API-Key",
    )


def test_too_many_calls_are_described_with_their_headers() -> None:
    response = DOCUMENT["components"]["responses"]["Error429"]

    assert set(response["headers"]) == {
        "Retry-After",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    }


def test_every_error_has_the_one_form() -> None:
    for response in DOCUMENT["components"]["responses"].values():
        content = response["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Error"}
        assert set(content["example"]) == {"detail", "code", "request_id"}


def test_jobs_of_every_service_stand_at_one_path() -> None:
    job_id = operation("get", "/api/v1/jobs/{job_id}")["parameters"][0]

    assert job_id["schema"]["pattern"] == "^analytics/[^/]+$|^auth/[^/]+$|^ingest/[^/]+$|^ml/[^/]+$"
