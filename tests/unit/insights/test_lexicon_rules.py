"""The rules of the offline engine, one sentence each."""

import pytest
from insights_service.lexicon import LexiconEngine

engine = LexiconEngine()


def score(text: str, language: str = "") -> float:
    return engine.score(text, language).score


@pytest.mark.parametrize(
    ("text", "label", "language"),
    [
        ("Excelente atención, muchas gracias", "positive", "es"),
        ("El servicio es pésimo y nadie responde", "negative", "es"),
        ("La agencia abre a las nueve de la mañana", "neutral", "es"),
        ("I love this bank, the app is amazing", "positive", "en"),
        ("The worst service I have ever had", "negative", "en"),
        ("The branch opens at nine on the corner", "neutral", "en"),
        ("No está mal el nuevo aplicativo", "positive", "es"),
        ("It is not bad at all", "positive", "en"),
        ("No me gusta nada la nueva versión", "negative", "es"),
        ("I don't like the new version", "negative", "en"),
        ("Poco útil la ayuda que me dieron", "negative", "es"),
        ("El local es bueno, pero la atención es pésima", "negative", "es"),
        ("The place is good but the service is awful", "negative", "en"),
        ("#QueVergüenza", "negative", "es"),
        ("Llevo tres horas en la cola :(", "negative", "es"),
        ("😍😍", "positive", "und"),
        ("", "neutral", "und"),
        ("gracias por nada", "negative", "es"),
    ],
)
def test_plain_sentences_get_the_label_a_reader_gives(text: str, label: str, language: str) -> None:
    found = engine.score(text)
    assert (found.label, found.language) == (label, language)


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("La app es buena", "La app es muy buena"),
        ("La app es buena", "La app es buenísima"),
        ("La app es un poco buena", "La app es buena"),
        ("La app es buena", "La app es BUENA"),
        ("La app es buena", "La app es buenaaaaa"),
        ("La app es buena", "La app es buena!!!"),
        ("¿La app es buena?", "La app es buena"),
        ("La app es buena", "La app es rebuena"),
        ("The app is slightly good", "The app is good"),
        ("The app is good", "The app is very good"),
        ("Aunque la app es buena", "La app es buena"),
    ],
)
def test_emphasis_strengthens_and_doubt_weakens(weaker: str, stronger: str) -> None:
    assert score(weaker) < score(stronger)


def test_negation_ends_where_the_clause_ends() -> None:
    assert score("No, es un excelente banco", "es") > score("No es un excelente banco", "es")


def test_a_tag_question_denies_nothing() -> None:
    assert score("Es un excelente banco, ¿no?", "es") > score("No es un excelente banco", "es")


def test_accents_may_be_missing() -> None:
    assert score("pesimo servicio", "es") == score("pésimo servicio", "es")


def test_emotions_are_named_with_their_strength() -> None:
    emotions = engine.score("Qué asco, me da miedo y rabia").emotions
    assert {"anger", "fear"} <= emotions.keys()
    assert all(0 < strength <= 1 for strength in emotions.values())


def test_the_language_given_decides_the_vocabulary() -> None:
    assert engine.score("pie terrible", "en").language == "en"
    assert engine.score("genial", "es").language == "es"


def test_a_text_without_any_mark_of_a_language_is_undetermined() -> None:
    assert engine.score("12345 http://example.com @someone").language == "und"
