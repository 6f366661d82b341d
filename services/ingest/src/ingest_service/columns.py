"""Which column of a file is which target: by the caller's mapping, else by the synonyms of names."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from service_runtime.errors import InvalidArgument, Unprocessable

from ingest_service.targets import TARGETS, Target


@dataclass(frozen=True)
class Mapping:
    """The column of each target that has one, the account's column (-1: none), and the names that nothing took."""

    column_of: dict[str, int]
    account_column: int
    left_alone: list[str]

    def told(self, header: Sequence[str]) -> str:
        return ", ".join(f"{target}:{header[column]}" for target, column in self.column_of.items())


def plain(name: str) -> str:
    """Gives a name without case, accents, spaces, `_` and `-`, as names are compared."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[\s_\-.]+", "", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def parse_mapping(kind: str, mapping: str) -> dict[str, str]:
    """Reads `target:column` pairs by comma; raises on a target that the kind has not."""
    names = {plain(target.name): target.name for target in TARGETS.get(kind, ())}
    pairs = {}
    for pair in filter(None, (part.strip() for part in mapping.split(","))):
        target, colon, column = pair.partition(":")
        if not colon or plain(target) not in names:
            known = ", ".join(names.values())
            raise InvalidArgument(
                "BAD_MAPPING", f"`{pair[:100]}` is not target:column with one of the targets {known}.", pair=pair[:100]
            )
        pairs[names[plain(target)]] = column.strip()
    return pairs


def known_names(kind: str, named: Iterable[str]) -> Callable[[Sequence[str]], int]:
    """Gives what counts the names in a header that are some target's, or that the caller has named."""
    known = {plain(name) for target in TARGETS.get(kind, ()) for name in (target.name, *target.synonyms)}
    known |= {plain(name) for name in named if name}
    return lambda header: sum(1 for name in header if plain(name) in known)


def find_columns(kind: str, header: Sequence[str], chosen: dict[str, str], account_column: str) -> Mapping:
    """Finds the column of every target; raises Unprocessable COLUMN_MISSING where a required one has none."""
    account = _named(header, account_column, "account") if account_column else -1
    column_of = {target: _named(header, column, target) for target, column in chosen.items() if column}
    taken = {account, *column_of.values()}
    for target in TARGETS[kind]:
        if target.name not in chosen:
            column = _by_synonym(header, target, taken)
            if column is not None:
                column_of[target.name] = column
                taken.add(column)
        if target.required and target.name not in column_of:
            raise _missing(target, header)
    left_alone = [name for column, name in enumerate(header) if column not in taken]
    in_order = {target.name: column_of[target.name] for target in TARGETS[kind] if target.name in column_of}
    return Mapping(in_order, account, left_alone)


def _by_synonym(header: Sequence[str], target: Target, taken: set[int]) -> int | None:
    for synonym in (target.name, *target.synonyms):
        for column, name in enumerate(header):
            if plain(name) == plain(synonym) and column not in taken:
                return column
    return None


def _named(header: Sequence[str], name: str, target: str) -> int:
    for same in (str, plain):
        for column, title in enumerate(header):
            if same(title) == same(name):
                return column
    raise Unprocessable(
        "COLUMN_MISSING",
        f"The file has no column `{name}` for {target}; it has {_told(header)}.",
        target=target,
        columns=_told(header),
    )


def _missing(target: Target, header: Sequence[str]) -> Unprocessable:
    return Unprocessable(
        "COLUMN_MISSING",
        f"No column for {target.name}: none is called {target.name}, {', '.join(target.synonyms)}, and `mapping` "
        f"names none; the file has {_told(header)}.",
        target=target.name,
        columns=_told(header),
    )


def _told(header: Sequence[str]) -> str:
    names = ", ".join(name[:60] for name in header[:50])
    return names + (f" and {len(header) - 50} more" if len(header) > 50 else "")
