"""What another company owns looks like what does not exist, to everybody, in every rpc and field (T-01)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.proofs_belongings import belongings, changed, steady_belongings
from support.proofs_callers import bearer
from support.proofs_calls import Answer, Headers, by_grpc, by_rest
from support.proofs_estate import Estate, move_in, own_fields
from support.proofs_house import ENDS_ITS_CALLER, Company, House
from support.proofs_probes import Probe, Prove, Report, compared, id_paths, probes_of
from support.proofs_rpcs import Rpc

Note = Callable[[str, object], None]
FEWEST_PROBES = 3000
# REST and gRPC meet behind the gateway, so a few ids of each field show that the way in changes nothing.
IDS_OVER_REST = 3
MOST_SHOWN = 20
AUDIT_FIELDS = ("id", "actor", "resource", "request_id")
# Fields whose answer is the same for what is the caller's own, each for its reason.
SAYS_THE_SAME_TO_THE_OWNER = {
    # A log-out is answered with nothing, whether or not the other token was one of the caller's.
    ("auth:auth.v1.AuthService/Logout", "refresh_token"),
    # The trail takes what a service tells it of its own tenant; what it may change is held by the fingerprint.
    *(("auth:auth.v1.AuditIntakeService/RecordAuditEvent", f"event.{name}") for name in AUDIT_FIELDS),
    # People of other companies may be named, and gain nothing by it.
    ("ingest:ingest.v1.AccountAccessService/SetAccountAccess", "users"),
    # An id at its source is the caller's own word for a post of its own.
    ("ingest:ingest.v1.RecordsService/CreatePublicacion", "id_externo"),
    ("ingest:ingest.v1.RecordsService/UpdatePublicacion", "id_externo"),
    # The post is found by its path; these are held to it, and find nothing.
    *(("ingest:ingest.v1.RecordsService/UpdatePublicacion", name) for name in ("id", "id_usuario")),
    # A place in a list by time, where the id and its twin are neighbours.
    ("ml:ml.v1.JobsService/ListJobs", "after"),
    ("analytics:analytics.v1.JobsService/ListJobs", "after"),
}


@pytest.fixture(scope="module")
async def own(house: House) -> Mapping[str, Any]:
    """What company A puts into the fields that are not probed."""
    return await move_in(house)


def probed(house: House) -> list[Rpc]:
    """The rpcs that are not public and take an id."""
    return [rpc for rpc in house.rpcs if not rpc.policy.public and id_paths(rpc)]


@dataclass
class Round:
    """Every probe of one kind, and what they found together."""

    probes: int = 0
    covered: set[tuple[str, str]] = field(default_factory=set)
    odd: list[str] = field(default_factory=list)
    told_apart: set[tuple[str, str]] = field(default_factory=set)

    def add(self, report: Report) -> None:
        self.probes += report.probes
        self.covered |= report.covered
        self.odd += report.odd
        self.told_apart |= report.told_apart


def people_of(house: House, company: Company, rpc: Rpc) -> dict[str, Prove]:
    """Everybody of a company; a service in its matters where only services may call."""

    def prove(role: str) -> Prove:
        kept = house.headers(company.people[role])
        return lambda rpc: house.headers(company.people[role]) if rpc.name in ENDS_ITS_CALLER else kept

    callers = {role: prove(role) for role in company.people}
    if rpc.policy.service_only:
        token = bearer(house.tokens.of_service(rpc.service, company.tenant_id))
        callers["service"] = lambda _rpc: token
    return callers


async def rounds(
    house: House, company: Company, call: Any, marks: Sequence[str], probes: Callable[[Rpc], list[Probe]]
) -> Round:
    """Probes one rpc after the other, those that change something last."""
    whole = Round()
    for rpc in probed(house):
        whole.add(await compared(rpc, probes(rpc), people_of(house, company, rpc), call, marks))
    return whole


def straight(house: House) -> Callable[[Rpc, Any, Headers], Any]:
    async def call(rpc: Rpc, request: Any, headers: Headers) -> Answer:
        return await by_grpc(house.straight_to(rpc), rpc, request, headers)

    return call


def over_rest(house: House) -> Callable[[Rpc, Any, Headers], Any]:
    async def call(rpc: Rpc, request: Any, headers: Headers) -> Answer:
        return await by_rest(house.rest, rpc, request, headers)

    return call


async def test_another_companys_ids_are_like_ids_that_do_not_exist(
    house: House, estate: Estate, own: Mapping[str, Any], record_property: Note
) -> None:
    before = await asyncio.to_thread(steady_belongings, house.suite.home, house.b.tenant_id)

    def some(rpc: Rpc) -> list[Probe]:
        by_field: dict[Any, list[Probe]] = {}
        for probe in probes_of(rpc, estate.one_of_each(), own) if rpc.binding else []:
            by_field.setdefault(probe.path, []).append(probe)
        return [probe for probes in by_field.values() for probe in probes[:: len(probes) // IDS_OVER_REST or 1]]

    grpc = await rounds(
        house, house.a, straight(house), estate.marks, lambda rpc: probes_of(rpc, estate.one_of_each(), own)
    )
    rest = await rounds(house, house.a, over_rest(house), estate.marks, some)

    assert [*grpc.odd, *rest.odd][:MOST_SHOWN] == []
    after = await asyncio.to_thread(belongings, house.suite.home, house.b.tenant_id)
    assert changed(before, after) == []
    assert len(before) > len(house.b.people)
    every_field = {(str(rpc), ".".join(path)) for rpc in probed(house) for path in id_paths(rpc)}
    assert grpc.covered == every_field
    assert {rpc for rpc, _ in rest.covered} == {str(rpc) for rpc in probed(house) if rpc.binding}
    assert grpc.probes + rest.probes >= FEWEST_PROBES
    record_property(
        "proof",
        f"foreign ids: {grpc.probes} probes by gRPC and {rest.probes} by REST of {len(every_field)} fields in "
        f"{len(probed(house))} rpcs, 0 told from ids that do not exist, 0 of {len(before)} tables and files changed",
    )


async def test_the_owner_of_the_ids_is_told_other_things(house: House, estate: Estate, record_property: Note) -> None:
    """The control of the test above: where B asks for its own, the same comparison finds nearly every field."""
    names = own_fields(estate.ids["account"][0], estate.posts_job)
    told_apart: set[tuple[str, str]] = set()
    for rpc in probed(house):
        everybody = people_of(house, house.b, rpc)
        owner = {"owner": everybody.get("service", everybody["admin"])}
        found = await compared(rpc, probes_of(rpc, estate.one_of_each(), names), owner, straight(house), [])
        told_apart |= found.told_apart

    every_field = {(str(rpc), ".".join(path)) for rpc in probed(house) for path in id_paths(rpc)}
    assert every_field - told_apart <= SAYS_THE_SAME_TO_THE_OWNER
    record_property("proof", f"foreign ids, control: the owner is told apart in {len(told_apart)} fields")
