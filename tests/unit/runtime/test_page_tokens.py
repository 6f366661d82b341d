"""A page token is good for its own tenant and query alone."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from service_runtime.errors import InvalidArgument
from service_runtime.paging import decode_page_token, encode_page_token, page_size

TENANT = uuid4()
QUERY = {"kind": "import", "order": "newest"}


def test_a_token_gives_its_position_again() -> None:
    token = encode_page_token(TENANT, QUERY, ["2026-01-01", 7])
    assert decode_page_token(token, TENANT, dict(reversed(QUERY.items()))) == ["2026-01-01", 7]


def test_no_token_is_the_first_page() -> None:
    assert decode_page_token("", TENANT, QUERY) is None


@pytest.mark.parametrize("tenant,query", [(uuid4(), QUERY), (TENANT, {**QUERY, "kind": "export"}), (TENANT, {})])
def test_another_tenants_or_querys_token_is_refused(tenant: UUID, query: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        decode_page_token(encode_page_token(TENANT, QUERY, 1), tenant, query)


# A machine that is busy with other tests may take its time.
@settings(deadline=None)
@given(st.text(min_size=1))
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match="BAD_PAGE_TOKEN"):
        decode_page_token(token, TENANT, QUERY)


def test_a_page_has_fifty_rows_where_nothing_is_asked_and_never_over_a_thousand() -> None:
    assert [page_size(asked) for asked in (0, 20, 5000)] == [50, 20, 1000]
