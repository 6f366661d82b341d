"""A log-out is known to every service of the suite, not to auth alone."""

import time
from uuid import uuid4

import httpx
from support.running_suite import RunningSuite
from support.service_routes import ONE_OF_EACH, PATIENCE_SECONDS


def test_access_token_stops_working_in_every_service(suite: RunningSuite) -> None:
    person = {"email": f"{uuid4().hex}@example.com", "password": "clave larga de rosa", "full_name": uuid4().hex}
    with httpx.Client(base_url=suite.url, timeout=30) as client:
        tokens = client.post("/api/v1/auth/register", json=person).json()
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        # An empty tenant has little to show; what counts is that the token is not what is refused.
        assert [route for route in ONE_OF_EACH if client.get(route, headers=headers).status_code == 401] == []

        assert client.post("/api/v1/auth/logout", json={}, headers=headers).json() == {}

        deadline = time.monotonic() + PATIENCE_SECONDS
        codes: dict[str, str] = {}
        while len(codes) < len(ONE_OF_EACH) and time.monotonic() < deadline:
            for route in ONE_OF_EACH:
                reply = client.get(route, headers=headers)
                if reply.status_code == 401:
                    codes[route] = reply.json()["code"]
        assert codes == dict.fromkeys(ONE_OF_EACH, "TOKEN_REVOKED")
