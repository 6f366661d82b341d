"""What a person and a program do through the gateway stands in the trail, from whichever service."""

import time
from ipaddress import ip_address
from uuid import uuid4

import httpx
from support.running_suite import RunningSuite
from support.service_routes import PATIENCE_SECONDS

AGENT = "audit-test/1.0"


def test_imports_and_trainings_are_in_the_trail_with_who_and_from_where(suite: RunningSuite) -> None:
    person = {"email": f"{uuid4().hex}@example.com", "password": "clave larga de rosa", "full_name": uuid4().hex}
    with httpx.Client(base_url=suite.url, timeout=30, headers={"user-agent": AGENT}) as client:
        registered = client.post("/api/v1/auth/register", json=person).json()
        admin = {"authorization": f"Bearer {registered['access_token']}"}
        made = client.post("/api/v1/api-keys", json={"name": "nightly", "role": "user"}, headers=admin).json()
        program = {"x-api-key": made["key"]}
        account = client.post(
            "/api/v1/social-accounts", json={"platform": "csv", "username": "banco"}, headers=admin
        ).json()
        job = client.post(
            "/api/v1/data/import",
            params={"kind": "posts", "account": "banco"},
            content="fecha,texto,likes\n2026-01-01,Hola,3\n",
            headers={**program, "content-type": "text/csv"},
        ).json()
        # Too short a history to learn from; that it was asked for counts.
        client.post("/regression/train/banco", json={}, headers=admin)

        wanted = {"ingest.create_account", "ingest.import", "ml.train_forecast"}
        events = told(client, admin, wanted)

    assert events["ingest.create_account"]["resource"] == f"social-accounts/{account['id']}"
    assert events["ingest.import"]["resource"] == f"jobs/{job['job_id']}"
    actors = {action: event["actor"] for action, event in events.items() if action in wanted}
    assert actors == dict.fromkeys(wanted, registered["user"]["id"]) | {"ingest.import": f"api-key:{made['id']}"}
    # Envoy writes an address of the machine's own for a client on the same machine.
    origin = {"ip": str(ip_address(events["user.register"]["ip"])), "user_agent": AGENT}
    assert [{name: events[action][name] for name in origin} for action in wanted] == [origin] * 3
    assert {"user.register", "api_key.create"} <= events.keys()
    assert made["key"][13:] not in str(events)


def told(client: httpx.Client, admin: dict[str, str], wanted: set[str]) -> dict[str, dict[str, str]]:
    """Gives the trail's events by action, when all that are wanted are there or the patience is at its end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        events = client.get("/api/v1/audit-events", headers=admin).json()["events"]
        found = {event["action"]: event for event in events}
        if wanted <= found.keys() or time.monotonic() > deadline:
            return found
