"""Waits until the suite at the URL answers, registers a person with a new tenant, and prints the access token."""

import secrets
import sys
import time

import httpx

url = sys.argv[1]
for _ in range(600):
    try:
        if httpx.get(f"{url}/health").status_code == 200:
            break
    except httpx.TransportError:
        pass
    time.sleep(0.2)
name = f"bench-{secrets.token_hex(4)}"
person = {"email": f"{name}@example.com", "password": secrets.token_urlsafe(20), "full_name": name, "tenant_name": name}
answer = httpx.post(f"{url}/api/v1/auth/register", json=person)
answer.raise_for_status()
print(answer.json()["access_token"])
