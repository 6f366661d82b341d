"""The form of API keys: what is made can be read, and no typo passes."""

import string

import pytest
from auth_service.key_format import compose, is_well_formed, new_key, prefix
from hypothesis import given
from hypothesis import strategies as st

ALPHABET = string.ascii_letters + string.digits
KEYS = st.builds(compose, st.text(ALPHABET, min_size=8, max_size=8), st.binary(min_size=32, max_size=32))


@given(KEYS)
def test_every_key_is_well_formed_and_of_one_length(key: str) -> None:
    assert is_well_formed(key)
    assert len(key) == 62
    assert key.startswith(prefix(key) + "_")


@given(KEYS, st.data())
def test_one_changed_character_is_always_found(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.one_of(st.sampled_from(ALPHABET), st.characters()).filter(lambda char: char != key[place]))
    assert not is_well_formed(key[:place] + other + key[place + 1 :])


@given(KEYS, st.data())
def test_a_missing_or_added_character_is_always_found(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key)))
    assert not is_well_formed(key[:place] + key[place + 1 :]) or place == len(key)
    assert not is_well_formed(key[:place] + data.draw(st.sampled_from(ALPHABET)) + key[place:])


def test_made_keys_are_well_formed_and_all_different() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(is_well_formed(key) for key in keys)


@pytest.mark.parametrize(
    "text",
    ["", "atl_", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", new_key() + "\n", new_key().upper()],
    # The made-up ones differ in each process, and their names must not.
    ids=["empty", "prefix", "token", "line feed", "upper case"],
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert not is_well_formed(text)
