"""Turns evidence into probabilities: a softmax over a few figures, its constants fitted on the train split alone.

`bench/sentiment_quality.py --fit` gives the constants anew; no word list and no other file takes anything from the
data.
"""

from math import exp, log1p
from typing import Final

from insights_service.lexicon.reading import Evidence

# Per language, the weights of `figures` for positive and for negative; neutral is the zero between them.
CONSTANTS: Final[dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "es": (
        (-0.786, 1.384, -0.715, -0.646, -1.27, 0.296, -0.016),
        (-0.44, -0.411, 1.207, 0.209, -0.118, -0.375, 0.06),
    ),
    "en": (
        (-0.702, 1.666, -0.291, -0.432, -0.78, 0.504, -0.505),
        (-1.085, -0.117, 1.778, 0.652, 0.207, -0.157, -0.045),
    ),
}


def figures(evidence: Evidence) -> tuple[float, ...]:
    """The figures of a text that the constants weigh; all zero but the first for an empty text."""
    return (
        1.0,
        log1p(evidence.positive),
        log1p(evidence.negative),
        float(min(evidence.denials, 3)),
        float(min(evidence.questions, 2)),
        float(min(evidence.exclamations, 3)),
        log1p(evidence.words) / 3 if evidence.hits else 0.0,
    )


def probabilities(evidence: Evidence, language: str) -> tuple[float, float, float]:
    """Gives the probabilities of positive, neutral and negative, which sum to 1."""
    if not evidence.words and not evidence.hits:
        return 0.0, 1.0, 0.0
    row = figures(evidence)
    constants = CONSTANTS.get(language) or _BETWEEN
    positive = exp(sum(weight * figure for weight, figure in zip(constants[0], row, strict=True)))
    negative = exp(sum(weight * figure for weight, figure in zip(constants[1], row, strict=True)))
    total = positive + 1.0 + negative
    return positive / total, 1.0 / total, negative / total


def _mean(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
    return tuple((one + other) / 2 for one, other in zip(first, second, strict=True))


# Texts of a language that could not be told.
_BETWEEN = (
    _mean(CONSTANTS["es"][0], CONSTANTS["en"][0]),
    _mean(CONSTANTS["es"][1], CONSTANTS["en"][1]),
)
