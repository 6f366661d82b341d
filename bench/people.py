"""People for benchmarks: registered through the gateway, each the admin of a tenant."""

import secrets
from dataclasses import dataclass

from http_calls import Server, ask_once


@dataclass(frozen=True)
class Person:
    """Somebody with a tenant, and the tokens that registering gave."""

    email: str
    password: str
    access_token: str
    refresh_token: str


async def register(server: Server) -> Person:
    """Registers somebody new."""
    name, password = f"bench-{secrets.token_hex(6)}", secrets.token_urlsafe(20)
    body = {"email": f"{name}@example.com", "password": password, "full_name": name, "tenant_name": name}
    tokens = (await ask_once(server, server.request("POST", "/api/v1/auth/register", body=body))).json()
    return Person(body["email"], password, tokens["access_token"], tokens["refresh_token"])


def log_in(server: Server, person: Person) -> bytes:
    """Gives the request that logs a person in."""
    body = {"email": person.email, "password": person.password}
    return server.request("POST", "/api/v1/auth/login", body=body)
