"""A service that dies with calls in its hands: they end at once, it comes back, and no other service feels it."""

from typing import TYPE_CHECKING

import grpc
import pytest
from support.killed_services import IN_FLIGHT_SECONDS, SERVICES, kill_mid_request
from support.running_suite import RunningSuite

if TYPE_CHECKING:
    from faults.conftest import Report

CALLS = 8
# Far from what is measured, since machines on which things break are busy; tests/load/killed_services.py measures.
END_SECONDS = 10
NEIGHBOUR_SECONDS = 10


@pytest.fixture(scope="module")
def token(suite: RunningSuite) -> str:
    (tenant,) = suite.provision([{"name": "mid-request"}])["tenants"]
    return str(tenant["loader_token"])


@pytest.mark.parametrize("service", SERVICES)
def test_calls_of_a_killed_service_end_and_those_of_others_go_on(
    suite: RunningSuite, token: str, report: "Report", service: str, seed: int
) -> None:
    outcome = kill_mid_request(suite, token, service, calls=CALLS, quiet_seconds=0.5)

    assert {(answer.status, answer.code) for answer in outcome.in_flight} == {(503, "UNAVAILABLE")}
    assert outcome.rpc == grpc.StatusCode.UNAVAILABLE
    # They had waited for the service to be killed.
    slowest = max(answer.seconds for answer in outcome.in_flight) - IN_FLIGHT_SECONDS
    assert slowest < END_SECONDS
    for neighbour, answers in outcome.meanwhile.items():
        assert {answer.status for answer in answers} == {SERVICES[neighbour].answered}, neighbour
        assert max(answer.seconds for answer in answers) < NEIGHBOUR_SECONDS, neighbour
    report.fault(f"{service} is killed with {CALLS + 1} calls in its hands")
    report.count("longest time in seconds until calls in flight at a killed service had ended", slowest)
    report.count("longest time in seconds until a killed service answered again", outcome.back_seconds)
    slowest_neighbour = max(answer.seconds for answers in outcome.meanwhile.values() for answer in answers)
    report.count("longest call of another service meanwhile, in milliseconds", 1000 * slowest_neighbour)
