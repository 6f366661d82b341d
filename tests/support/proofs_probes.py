"""Another company's ids in every field that takes one: what comes back must be what an id that is nobody's gets."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from support.proofs_calls import Answer, Headers
from support.proofs_requests import keeps_limits, request_for
from support.proofs_rpcs import Rpc

AT_ONCE = 16
# Fields that name something somebody owns: ids, and the names and tokens that do an id's work.
NAMES_OF_THINGS = (
    *("username", "usuario", "cuenta", "account", "accounts", "actor", "users", "email", "resource"),
    *("after", "page_token", "refresh_token", "key_id", "session", "job", "model"),
)
# Numbers that are given one after the other.
NUMBERS_OF_THINGS = ("id_usuario", "id_publicacion", "id_metrica")
IS_ID = re.compile(r"(?:.*_)?ids?|id_.*|" + "|".join(NAMES_OF_THINGS))
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What differs between any two answers: when, and the ids and numbers of what was just made.
CHANGING = re.compile(
    UUID.pattern
    + r"|\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:\d\d)?"
    + "".join(rf'|(?<="{name}":{space})\d+' for name in ("id", *NUMBERS_OF_THINGS) for space in ("", " "))
)
Path = tuple[str, ...]
Call = Callable[[Rpc, Any, Headers], Awaitable[Answer]]
Prove = Callable[[Rpc], Headers]


@dataclass(frozen=True)
class Probe:
    """One id of somebody else's in one field of one rpc, and its twin: as like it as can be, and nobody's."""

    rpc: Rpc
    path: Path
    value: str
    twin: str
    own: Mapping[str, Any] = field(default_factory=dict)

    def request(self, value: str) -> Any:
        """The request with the value in its place."""
        request = request_for(self.rpc, lean=True)
        for name, own in self.own.items():
            if name in request.DESCRIPTOR.fields_by_name and name != self.path[0]:
                setattr(request, name, own)
        return put(request, self.path, value)

    def __str__(self) -> str:
        return f"{self.rpc} {'.'.join(self.path)}={self.value}"


@dataclass(frozen=True)
class Report:
    """What a round of probes found."""

    probes: int
    covered: frozenset[tuple[str, str]]
    odd: list[str]
    # Where the answer told the real id from its twin.
    told_apart: frozenset[tuple[str, str]]


def id_paths(rpc: Rpc) -> list[Path]:
    """Gives every field of an rpc's request that takes an id, however deep."""
    return list(_id_paths(rpc.method.input_type))


def _id_paths(message: Descriptor, above: Path = ()) -> Iterator[Path]:
    for each in message.fields:
        if each.message_type is not None:
            if each.message_type.full_name.startswith("atalaya.") and not each.is_repeated:
                yield from _id_paths(each.message_type, (*above, each.name))
        elif IS_ID.fullmatch(each.name) and each.cpp_type in (
            FieldDescriptor.CPPTYPE_STRING,
            FieldDescriptor.CPPTYPE_INT32,
        ):
            yield (*above, each.name)


def put(request: Any, path: Path, value: str) -> Any:
    """Puts an id into its field; a list gets it alone."""
    holder = request
    for name in path[:-1]:
        holder = getattr(holder, name)
    target: FieldDescriptor = holder.DESCRIPTOR.fields_by_name[path[-1]]
    typed: Any = int(value) if target.cpp_type == FieldDescriptor.CPPTYPE_INT32 else value
    if target.is_repeated:
        getattr(holder, path[-1])[:] = [typed]
    else:
        setattr(holder, path[-1], typed)
    return request


def probes_of(rpc: Rpc, ids: Iterable[str], own: Mapping[str, Any] | None = None) -> list[Probe]:
    """Gives a probe for each field and each id that the field's limits let through; `own` fills the other fields."""
    return [
        probe
        for path in id_paths(rpc)
        for value in ids
        if _takes(probe := Probe(rpc, path, value, twin_of(value), own or {}), value) and _takes(probe, probe.twin)
    ]


def _takes(probe: Probe, value: str) -> bool:
    try:
        whole = request_for(probe.rpc, lean=True)
        put(whole, probe.path, value)
        return keeps_limits(whole)
    except (ValueError, TypeError):
        return False


@cache
def twin_of(value: str) -> str:
    """Gives an id of the same form that is nobody's; of a UUID the time stays, since some lists go by it."""
    chance = random.Random(value)  # noqa: S311
    if value.isdecimal():
        # Numbers are given within a tenant, from 1.
        return str(chance.randrange(10**8, 10**9))
    kept = 15 + found.start() if (found := UUID.search(value)) else 0
    service, slash, _ = value.partition("/")
    kept = max(kept, len(service + slash) if slash else 0)
    return value[:kept] + "".join(_other(letter, chance, hexadecimal=found is not None) for letter in value[kept:])


def _other(letter: str, chance: random.Random, *, hexadecimal: bool) -> str:
    if letter.isdecimal():
        return chance.choice("0123456789")
    if not letter.isalpha():
        return letter
    other = chance.choice("abcdef" if hexadecimal else "bcdfghjklmnpqrstvwxy")
    return other if letter.islower() else other.upper()


def leveled(answer: Answer, value: str) -> Answer:
    """Takes out of an answer what may differ: the id that was sent, and what is new each time."""
    texts = {
        name: CHANGING.sub("*", getattr(answer, name).replace(value, "<id>").replace(value.lower(), "<id>"))
        for name in ("detail", "reply")
    }
    return replace(answer, **texts)


async def compared(
    rpc: Rpc, probes: Sequence[Probe], callers: Mapping[str, Prove], call: Call, marks: Sequence[str]
) -> Report:
    """Sends each probe and its twin as every caller; odd is what tells them apart, shows a mark, or breaks."""
    # What changes something goes one after the other, so that both see the same state.
    turns = asyncio.Semaphore(1 if rpc.writes else AT_ONCE)
    odd: list[str] = []
    apart: set[tuple[str, str]] = set()

    async def ask(probe: Probe) -> None:
        async with turns:
            real = [await call(rpc, probe.request(probe.value), prove(rpc)) for prove in callers.values()]
            twin = [await call(rpc, probe.request(probe.twin), prove(rpc)) for prove in callers.values()]
        for name, mine, its in zip(callers, real, twin, strict=True):
            if leveled(mine, probe.value) != leveled(its, probe.twin):
                apart.add((str(rpc), ".".join(probe.path)))
                odd.append(f"{probe} by {name}: {_short(mine)}, but {_short(its)} for nobody's")
            rest = leveled(mine, probe.value).reply + leveled(mine, probe.value).detail
            odd.extend(f"{probe} by {name} shows {mark}: {_short(mine)}" for mark in marks if mark in rest)
            if mine.broken:
                odd.append(f"{probe} by {name} breaks it: {_short(mine)}")

    await asyncio.gather(*(ask(probe) for probe in probes))
    covered = frozenset((str(rpc), ".".join(probe.path)) for probe in probes)
    return Report(len(probes) * len(callers), covered, odd, frozenset(apart))


def _short(answer: Answer) -> str:
    return f"{answer.status} {answer.reason} {answer.detail[:100]}{answer.reply[:200]}"
