"""Fields that are the server's to set change nothing when a caller sends them, in any rpc that writes (I-10)."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from google.protobuf import json_format
from local_suite.programs import postgres_server
from support.proofs_belongings import changed, rows_with, steady_belongings
from support.proofs_callers import Person
from support.proofs_calls import Answer, send
from support.proofs_house import House
from support.proofs_requests import request_for
from support.proofs_rpcs import Rpc

Note = Callable[[str, object], None]
AT_ONCE = 8
# Planted values, which must turn up nowhere: one run's own id, a moment long ago, and a word.
ID, MOMENT, WORD = str(uuid4()), "2001-02-03T04:05:06Z", f"planted-{uuid4().hex}"
STORED = (ID, "2001-02-03 04:05:06", WORD)
# What is nobody's to set, beside whatever a reply shows.
SERVER_OWNED: dict[str, object] = {
    **dict.fromkeys(("tenant_id", "empresa_id", "id", "user_id", "session_id", "account_id"), ID),
    **dict.fromkeys(("role", "rol"), "admin"),
    **dict.fromkeys(("is_admin", "is_active", "activo", "owner", "unlimited"), True),
    **dict.fromkeys(("created_at", "fecha_creacion", "last_login_at", "expires_at"), MOMENT),
    **dict.fromkeys(("access_version", "quota", "number", "id_usuario"), 4711),
}
ALONE = {"tenant_id", "role", "id", "is_admin"}
PROTECTED = """
    SELECT user_id, tenant_id, role, is_active, email, password_hash, created_at, access_version FROM users
    WHERE tenant_id = %s ORDER BY user_id
"""


def writing(house: House) -> list[Rpc]:
    return [rpc for rpc in house.rpcs if rpc.writes and rpc.binding is not None]


def extra_fields(rpc: Rpc) -> dict[str, object]:
    """Gives every field that the reply or the record has and the request has not."""
    shown = {field.name: SERVER_OWNED.get(field.name, WORD) for field in rpc.method.output_type.fields}
    known = rpc.method.input_type.fields_by_name
    return {name: value for name, value in {**shown, **SERVER_OWNED}.items() if name not in known}


def overfull(rpc: Rpc) -> Iterator[dict[str, Any]]:
    """Gives good requests with all fields that are not the caller's, and with some of them alone."""
    extra = extra_fields(rpc)
    yield {**good(rpc), **extra}
    for name in ALONE & extra.keys():
        yield {**good(rpc), name: extra[name]}


def good(rpc: Rpc) -> dict[str, Any]:
    return dict(json_format.MessageToDict(request_for(rpc), preserving_proto_field_name=True))


def people_in_record(house: House) -> list[Any]:
    with postgres_server(house.suite.home).connect("atalaya_auth") as connection:
        return connection.execute(PROTECTED, (house.a.tenant_id,)).fetchall()


async def sent(house: House, rpc: Rpc, fields: dict[str, Any], person: Person, turns: asyncio.Semaphore) -> Answer:
    async with turns:
        return await send(house.rest, rpc, fields, house.headers(person))


async def test_fields_that_are_the_servers_change_nothing(house: House, record_property: Note) -> None:
    people = people_in_record(house)
    others = await asyncio.to_thread(steady_belongings, house.suite.home, house.b.tenant_id)
    turns, home = asyncio.Semaphore(AT_ONCE), house.suite.home
    calls = [
        (rpc, person, sent(house, rpc, fields, person, turns))
        for rpc in writing(house)
        for person in (house.a.people["viewer"], house.a.people["admin"])
        for fields in overfull(rpc)
    ]
    answers = await asyncio.gather(*(call for *_, call in calls))

    told = list(zip(calls, answers, strict=True))
    assert [f"{rpc}: {answer}" for (rpc, *_), answer in told if answer.broken] == []
    assert [f"{rpc}: {answer}" for (rpc, *_), answer in told if any(text in answer.reply for text in (ID, WORD))] == []
    # What the contract does not know is refused, in a body as in a query.
    assert {answer.status for answer in answers} == {"400"}
    assert people_in_record(house) == people
    assert await asyncio.to_thread(lambda: [rows_with(home, text) for text in STORED]) == [[]] * len(STORED)
    after = await asyncio.to_thread(steady_belongings, home, house.b.tenant_id)
    assert changed(others, after) == []
    record_property(
        "proof", f"mass assignment: {len(calls)} calls of {len(writing(house))} rpcs, no planted value was kept"
    )


async def test_a_planted_value_that_is_kept_is_found(house: House) -> None:
    """The control: a field that is the caller's own to set is found by the same search."""
    headers = house.headers(house.a.people["viewer"])
    (await house.rest.put("/api/v1/users/me", json={"full_name": WORD}, headers=headers)).raise_for_status()

    assert "atalaya_auth.users" in await asyncio.to_thread(rows_with, house.suite.home, WORD)
