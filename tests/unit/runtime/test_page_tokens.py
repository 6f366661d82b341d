"""A page token is good for its own tenant and query alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service_runtime.errors import InvalidArgument
from service_runtime.paging import (
    PageTokens,
    id_position,
    number_position,
    page_size,
    text_position,
)

TENANT = uuid4()
QUERY = {"kind": "import", "order": "newest"}
PAGES = PageTokens(b"a key")


def test_a_token_gives_its_position_again() -> None:
    token = PAGES.encode(TENANT, QUERY, ["2026-01-01", 7])
    assert PAGES.decode(token, TENANT, dict(reversed(QUERY.items())), list) == ["2026-01-01", 7]


def test_no_token_is_the_first_page() -> None:
    assert PAGES.decode("", TENANT, QUERY, list) is None


@pytest.mark.parametrize("tenant,query", [(uuid4(), QUERY), (TENANT, {**QUERY, "kind": "export"}), (TENANT, {})])
def test_another_tenants_or_querys_token_is_refused(tenant: UUID, query: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        PAGES.decode(PAGES.encode(TENANT, QUERY, 1), tenant, query, number_position)


def test_a_token_that_another_key_signed_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        PAGES.decode(PageTokens(b"another key").encode(TENANT, QUERY, 1), TENANT, QUERY, number_position)


def test_a_token_is_refused_when_any_of_its_characters_is_changed() -> None:
    token = PAGES.encode(TENANT, QUERY, 12)
    for place, character in enumerate(token):
        changed = token[:place] + ("A" if character != "A" else "B") + token[place + 1 :]
        with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
            PAGES.decode(changed, TENANT, QUERY, number_position)


def test_replicas_with_the_same_key_file_take_one_anothers_tokens_and_no_others(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    ours.write_bytes(b"one secret")
    theirs.write_bytes(b"another secret")
    token = PageTokens.by_key_file(str(ours)).encode(TENANT, QUERY, 7)

    assert PageTokens.by_key_file(str(ours)).decode(token, TENANT, QUERY, number_position) == 7
    for other in (PageTokens.by_key_file(str(theirs)), PageTokens.by_key_file("")):
        with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
            other.decode(token, TENANT, QUERY, number_position)


# A machine that is busy with other tests may take its time.
@settings(deadline=None)
@given(st.text(min_size=1))
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        PAGES.decode(token, TENANT, QUERY, text_position)


def test_a_page_has_fifty_rows_where_nothing_is_asked_and_never_over_a_thousand() -> None:
    assert [page_size(asked) for asked in (0, 20, 5000)] == [50, 20, 1000]


@pytest.mark.parametrize(
    ("read", "position"),
    [
        (id_position, 7),
        (id_position, "seven"),
        (id_position, None),
        (id_position, {}),
        (number_position, -1),
        (number_position, 2**31),
        (number_position, 1.5),
        (number_position, True),
        (number_position, "1"),
        (text_position, 7),
        (text_position, "a\0"),
        (text_position, "\ud800"),
    ],
)
def test_a_token_with_a_place_that_is_none_is_refused(read: Callable[[Any], object], position: object) -> None:
    token = PAGES.encode(TENANT, QUERY, position)
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        PAGES.decode(token, TENANT, QUERY, read)


def test_places_of_each_kind_come_back_as_they_were() -> None:
    key = uuid4()
    for read, position, wanted in ((id_position, str(key), key), (number_position, 7, 7), (text_position, "ñ", "ñ")):
        assert PAGES.decode(PAGES.encode(TENANT, QUERY, position), TENANT, QUERY, read) == wanted
