"""A program calls every service of the suite with an API key, until the key is revoked."""

import time
from uuid import uuid4

import httpx
from support.running_suite import RunningSuite
from support.service_routes import ONE_OF_EACH, PATIENCE_SECONDS


def test_api_key_opens_every_service_until_it_is_revoked(suite: RunningSuite) -> None:
    person = {"email": f"{uuid4().hex}@example.com", "password": "clave larga de rosa", "full_name": uuid4().hex}
    with httpx.Client(base_url=suite.url, timeout=30) as client:
        tokens = client.post("/api/v1/auth/register", json=person).json()
        admin = {"authorization": f"Bearer {tokens['access_token']}"}
        made = client.post("/api/v1/api-keys", json={"name": "nightly", "role": "viewer"}, headers=admin).json()
        forms = ({"x-api-key": made["key"]}, {"authorization": f"Bearer {made['key']}"})
        refused = [
            (route, form)
            for form in forms
            for route in ONE_OF_EACH
            if client.get(route, headers=form).status_code == 401
        ]
        assert refused == []
        both = client.get("/api/v1/social-accounts", headers=admin | forms[0])
        assert (both.status_code, both.json()["code"]) == (401, "AMBIGUOUS_CREDENTIALS")
        # A viewer's key makes no keys.
        more = client.post("/api/v1/api-keys", json={"name": "more", "role": "viewer"}, headers=forms[0])
        assert more.status_code == 403

        assert client.delete(f"/api/v1/api-keys/{made['id']}", headers=admin).json() == {}

        deadline = time.monotonic() + PATIENCE_SECONDS
        codes: dict[str, str] = {}
        while len(codes) < len(ONE_OF_EACH) and time.monotonic() < deadline:
            for route in ONE_OF_EACH:
                reply = client.get(route, headers=forms[0])
                if reply.status_code == 401:
                    codes[route] = reply.json()["code"]
        assert codes == dict.fromkeys(ONE_OF_EACH, "BAD_API_KEY")
