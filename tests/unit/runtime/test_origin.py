"""Where a call came from, also when one service calls the next."""

from collections.abc import Iterator

import pytest
from service_runtime.origin import Origin, client_address, current_origin, forwarded_metadata
from service_runtime.request import current_request, read_request


@pytest.fixture(autouse=True)
def no_request_stays_for_other_tests() -> Iterator[None]:
    before = current_request.set(None)
    yield
    current_request.reset(before)


@pytest.mark.parametrize(
    ("forwarded", "hops", "address"),
    [
        ("203.0.113.9", 0, "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9", 0, "203.0.113.9"),
        ("203.0.113.9, 10.0.0.1", 1, "203.0.113.9"),
        ("203.0.113.9", 1, ""),
        ("2001:db8::1", 0, "2001:db8::1"),
        ("not an address", 0, ""),
        ("", 0, ""),
    ],
)
def test_the_address_is_the_one_that_the_last_trusted_hop_saw(forwarded: str, hops: int, address: str) -> None:
    assert client_address({"x-forwarded-for": forwarded}, hops) == address


def test_a_service_further_on_sees_the_same_origin() -> None:
    first = read_request("a", [("x-forwarded-for", "6.6.6.6, 203.0.113.9"), ("user-agent", "curl/8")])
    # As gRPC sends it: the calling service's own name is in user-agent.
    metadata = [*forwarded_metadata(first).items(), ("user-agent", "grpc-python"), ("x-request-id", first.request_id)]
    origins = []
    for request in (first, read_request("b", metadata)):
        current_request.set(request)
        origins.append(current_origin())
    assert origins == [Origin("203.0.113.9", "curl/8", first.request_id)] * 2


def test_what_a_worker_calls_has_no_origin() -> None:
    assert forwarded_metadata(read_request("job/import", [("x-request-id", "r-1")])) == {}
    current_request.set(None)
    assert current_origin() == Origin()


def test_an_agents_name_is_cut_and_cleaned() -> None:
    current_request.set(read_request("a", [("user-agent", "a\x00b\n" + "c" * 1000)]))
    assert current_origin().user_agent == "ab" + "c" * 254
