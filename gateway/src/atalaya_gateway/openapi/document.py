"""Puts the OpenAPI document together."""

import json
from importlib.metadata import version

from atalaya_gateway import contract, path_template
from atalaya_gateway.openapi.descriptors import descriptors
from atalaya_gateway.openapi.errors import error_responses, error_schemas
from atalaya_gateway.openapi.operations import Operations, tag_of
from atalaya_gateway.openapi.schemas import Schemas
from atalaya_gateway.pages import PAGES
from atalaya_gateway.typed import JsonObject

_ABOUT = """Atalaya collects a company's social and business data, learns from it, explains it and answers questions
about it. Every route is also a gRPC call on the same port.

Log in at `/auth/login` and send the `access_token` as a bearer token; programs send an API key as `X-API-Key`.
Errors are `{"detail", "code", "request_id"}` with a stable `code`. Replies to a caller who is known say how many calls
are left, by `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (in seconds)."""
_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a log-in.",
    },
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key; it is also taken as a bearer token.",
    },
}
# As a newcomer needs them: who am I, data in, answers out.
_ORDER = ("auth", "ingest", "ml", "insights", "analytics")
_DOCUMENTED_PAGES = {
    "/openapi.json": ("This document", {"type": "object"}),
    "/docs": ("These routes as pages on which they can be tried (Swagger UI)", {"type": "string"}),
    "/redoc": ("These routes as a manual (ReDoc)", {"type": "string"}),
}


def openapi_document() -> JsonObject:
    """Gives the document of all routes."""
    schemas = Schemas()
    paths = _paths(Operations(schemas))
    paths.update(_page_paths())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Atalaya",
            "version": version("atalaya-gateway"),
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": _tags(),
        "paths": paths,
        "components": {
            "schemas": {**dict(sorted(schemas.components.items())), **error_schemas()},
            "responses": error_responses(),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def openapi_json() -> str:
    """Gives the text of gateway/openapi.json."""
    return json.dumps(openapi_document(), indent=1, ensure_ascii=False) + "\n"


def _paths(operations: Operations) -> dict[str, JsonObject]:
    paths: dict[str, JsonObject] = {}
    for rpc, binding in contract.routes():
        item = paths.setdefault(path_template.as_openapi(binding.path), {})
        made = operations.operation(rpc, binding)
        method = binding.method.lower()
        item[method] = _joined(item[method], made) if method in item else made
    return paths


def _joined(known: JsonObject, other: JsonObject) -> JsonObject:
    """Joins what two services answer at one path, such as jobs, which their ids tell apart."""
    for mine, theirs in zip(known["parameters"], other["parameters"], strict=True):
        pattern = theirs["schema"].get("pattern", "")
        if pattern and pattern != mine["schema"].get("pattern"):
            mine["schema"]["pattern"] = f"{mine['schema']['pattern']}|{pattern}"
            mine["description"] = f"{mine['description']} {theirs['description']}"
    known["description"] = f"{known['description']}\n\n{other['description']}"
    return known


def _page_paths() -> dict[str, JsonObject]:
    pages = {page.path: page for page in PAGES}
    return {
        path: {
            "get": {
                "operationId": f"page_{path.strip('/').replace('.', '_')}",
                "tags": ["Documentation"],
                "summary": summary,
                "security": [],
                "responses": {
                    "200": {
                        "description": "The page.",
                        "content": {pages[path].content_type.split(";")[0]: {"schema": schema}},
                    }
                },
            }
        }
        for path, (summary, schema) in _DOCUMENTED_PAGES.items()
    }


def _place(service: str) -> int:
    return _ORDER.index(service.split(".")[1])


def _tags() -> list[JsonObject]:
    told: dict[str, str] = {}
    for service in sorted(dict.fromkeys(rpc.service for rpc, _ in contract.routes()), key=_place):
        told.setdefault(tag_of(service), descriptors().comments[service])
    named = [{"name": name, "description": text} for name, text in told.items()]
    return [*named, {"name": "Documentation", "description": "This manual."}]
