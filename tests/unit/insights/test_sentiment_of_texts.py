"""ScoreSentiment through the stub."""

import math

from support.insights_running import RunningInsights
from support.running import refusal


async def test_texts_are_scored_in_their_order(insights: RunningInsights) -> None:
    good, bad, plain, empty = await insights.score(
        "¡Excelente servicio, muchas gracias! 😍", "The worst app ever, nothing works", "La agencia abre a las 9", ""
    )
    assert [good.label, bad.label, plain.label, empty.label] == ["positive", "negative", "neutral", "neutral"]
    assert [good.language, bad.language] == ["es", "en"]
    assert good.score > 0.5 > 0 > bad.score
    assert good.emotions["joy"] > 0
    for result in (good, bad, plain, empty):
        assert math.isclose(result.positive + result.neutral + result.negative, 1.0)
        assert math.isclose(result.score, result.positive - result.negative)


async def test_a_thousand_texts_are_answered_in_one_call(insights: RunningInsights) -> None:
    results = await insights.score(*["No me gusta nada"] * 1000, language="es", context="comment")
    assert {result.label for result in results} == {"negative"}
    assert len(results) == 1000


async def test_limits_of_the_contract_are_kept(insights: RunningInsights) -> None:
    for texts, fields in (([], {}), (["a"] * 1001, {}), (["a" * 10_001], {}), (["a"], {"language": "fr"})):
        error = await refusal(insights.score(*texts, **fields))
        assert error.reason == "INVALID_REQUEST"


async def test_a_call_without_a_token_is_refused(insights: RunningInsights) -> None:
    insights_of_nobody = insights.company()
    insights_of_nobody.caller = ()
    assert (await refusal(insights_of_nobody.score("hola"))).reason == "TOKEN_REQUIRED"
