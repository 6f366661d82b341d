"""What holds for any text at all."""

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from insights_service.lexicon import LexiconEngine

engine = LexiconEngine()
fragments = st.sampled_from(
    [
        "no ",
        "muy ",
        "bueno ",
        "pésimo ",
        "but ",
        "great ",
        "!!!",
        "?",
        "#QueBien ",
        "😍",
        ":(",
        "jajaja ",
        "a\u0301",
        "İ",
        "ß",
    ]
)
texts = st.one_of(st.text(max_size=300), st.lists(fragments, max_size=60).map("".join))


@settings(max_examples=300, deadline=None)
@given(texts, st.sampled_from(["", "es", "en"]))
def test_probabilities_sum_to_one_and_the_label_is_the_greatest(text: str, language: str) -> None:
    found = engine.score(text, language)
    three = {"positive": found.positive, "neutral": found.neutral, "negative": found.negative}
    assert math.isclose(sum(three.values()), 1.0, abs_tol=1e-9)
    assert all(0.0 <= share <= 1.0 for share in three.values())
    assert -1.0 <= found.score <= 1.0
    assert math.isclose(three[found.label], max(three.values()), abs_tol=1e-12)
    assert found.language in {"es", "en", "und"}
    assert all(0.0 <= strength <= 1.0 for strength in found.emotions.values())


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=10))
def test_another_engine_gives_the_same_answers_in_any_order(many: list[str]) -> None:
    forwards = engine.score_all(many)
    backwards = LexiconEngine().score_all(reversed(many)) if len(many) < 3 else engine.score_all(reversed(many))
    assert forwards == list(reversed(backwards))


def test_ten_thousand_characters_of_any_kind_are_read_in_no_time() -> None:
    heavy = [
        "no" * 5000,
        "!" * 10_000,
        "😍" * 10_000,
        "a" * 10_000,
        "ja" * 5000,
        "#" + "a" * 9999,
        "no " * 3333,
        ":-" * 5000,
    ]
    started = time.process_time()
    found = engine.score_all([text[:10_000] for text in heavy])
    assert len(found) == len(heavy)
    assert time.process_time() - started < 2.0
