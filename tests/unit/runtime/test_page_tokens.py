"""A page token is good for its own tenant and query alone."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service_runtime.errors import InvalidArgument
from service_runtime.paging import (
    decode_page_token,
    encode_page_token,
    id_position,
    number_position,
    page_size,
    text_position,
)

TENANT = uuid4()
QUERY = {"kind": "import", "order": "newest"}


def test_a_token_gives_its_position_again() -> None:
    token = encode_page_token(TENANT, QUERY, ["2026-01-01", 7])
    assert decode_page_token(token, TENANT, dict(reversed(QUERY.items())), list) == ["2026-01-01", 7]


def test_no_token_is_the_first_page() -> None:
    assert decode_page_token("", TENANT, QUERY, list) is None


@pytest.mark.parametrize("tenant,query", [(uuid4(), QUERY), (TENANT, {**QUERY, "kind": "export"}), (TENANT, {})])
def test_another_tenants_or_querys_token_is_refused(tenant: UUID, query: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        decode_page_token(encode_page_token(TENANT, QUERY, 1), tenant, query, number_position)


# A machine that is busy with other tests may take its time.
@settings(deadline=None)
@given(st.text(min_size=1))
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        decode_page_token(token, TENANT, QUERY, text_position)


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
def test_a_token_made_up_with_a_place_that_is_none_is_refused(read: Callable[[Any], object], position: object) -> None:
    token = encode_page_token(TENANT, QUERY, position)
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        decode_page_token(token, TENANT, QUERY, read)


def test_places_of_each_kind_come_back_as_they_were() -> None:
    key = uuid4()
    for read, position, wanted in ((id_position, str(key), key), (number_position, 7, 7), (text_position, "ñ", "ñ")):
        assert decode_page_token(encode_page_token(TENANT, QUERY, position), TENANT, QUERY, read) == wanted
