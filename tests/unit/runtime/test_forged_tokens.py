"""Forged tokens are refused, whatever they forge, and checking them reaches for nothing outside."""

import socket
import time
from collections.abc import Iterator

import pytest
from jwt.utils import base64url_decode
from service_runtime.claims import check_times, read_claims, to_identity
from service_runtime.errors import Unauthenticated
from support.forged_tokens import Canary, Forgeries
from support.tokens import TestIssuer

LEAST_FORGERIES = 120


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with Canary() as canary:
        yield canary


@pytest.fixture(scope="module")
def forgeries(canary: Canary) -> Forgeries:
    return Forgeries(TestIssuer(), canary.url)


async def test_none_of_many_forged_tokens_is_accepted(forgeries: Forgeries, canary: Canary) -> None:
    verifier = forgeries.issuer.verifier()
    accepted = []
    forged = forgeries.all()
    for name, token in forged.items():
        try:
            await verifier.verify(token)
        except Unauthenticated as error:
            assert error.reason in ("TOKEN_INVALID", "TOKEN_EXPIRED"), name
        else:
            accepted.append(name)
    assert accepted == []
    assert len(set(forged.values())) >= LEAST_FORGERIES
    # One look for the keys and none for any that a token told of.
    assert forgeries.issuer.fetches == 1
    assert canary.connections == 0


async def test_good_tokens_beside_them_are_accepted(forgeries: Forgeries) -> None:
    verifier = forgeries.issuer.verifier()
    for name, token in forgeries.good().items():
        assert (await verifier.verify(token)).subject, name


def test_verifier_without_a_look_at_key_and_header_would_accept_most_of_them(forgeries: Forgeries) -> None:
    accepted = [name for name, token in forgeries.all().items() if _is_believed(token)]
    assert len(accepted) >= 90


def _is_believed(token: str) -> bool:
    try:
        claims = read_claims(base64url_decode(token.split(".")[1]), "atalaya", "atalaya")
        check_times(claims, time.time())
        to_identity(claims, token)
    except (IndexError, ValueError, Unauthenticated):
        return False
    return True


def test_canary_notices_who_comes(canary: Canary) -> None:
    before = canary.connections
    with socket.create_connection(canary.address, timeout=60):
        deadline = time.monotonic() + 60
        while canary.connections == before and time.monotonic() < deadline:
            pass
    assert canary.connections == before + 1
    canary.connections = before


async def test_files_that_a_key_id_names_are_not_opened(forgeries: Forgeries, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr("builtins.open", lambda *place, **_how: opened.append(place))
    monkeypatch.setattr("io.open", lambda *place, **_how: opened.append(place))
    verifier = forgeries.issuer.verifier()
    for token in forgeries.with_other_key_ids().values():
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)
    assert opened == []
