"""Waits until the suite at the URL answers, registers a person with a new tenant, and prints the access token."""

import secrets
import sys
import time

import httpx

url = sys.argv[1]
name = f"bench-{secrets.token_hex(4)}"
person = {"email": f"{name}@example.com", "password": secrets.token_urlsafe(20), "full_name": name, "tenant_name": name}
for _ in range(600):
    try:
        answer = httpx.post(f"{url}/api/v1/auth/register", json=person)
        # The gateway stands before the services do.
        if answer.status_code != 503:
            break
    except httpx.TransportError:
        pass
    time.sleep(0.2)
answer.raise_for_status()
print(answer.json()["access_token"])
