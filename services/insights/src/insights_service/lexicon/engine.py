"""Scores texts with the word lists, the rules and the calibration: the engine `offline-lexicon-1`."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp
from typing import Final

from insights_service.lexicon.calibration import probabilities
from insights_service.lexicon.language import language_of
from insights_service.lexicon.reading import Evidence, Reader
from insights_service.lexicon.tokens import tokens_of
from insights_service.lexicon.vocabulary import Vocabulary

# Stands for the words, rules and constants as they are: any change to them is a new name, since labels are kept by it.
ENGINE: Final = "offline-lexicon-1"


@dataclass(frozen=True, slots=True)
class Sentiment:
    """The sentiment of one text; the three probabilities sum to 1."""

    label: str
    positive: float
    neutral: float
    negative: float
    language: str
    emotions: dict[str, float]

    @property
    def score(self) -> float:
        """From -1 to 1: positive less negative."""
        return self.positive - self.negative


class LexiconEngine:
    """Labels texts in Spanish and English; the same text always gets the same answer."""

    def __init__(self) -> None:
        self._vocabularies = {language: Vocabulary(language) for language in ("es", "en")}

    def score_all(self, texts: Iterable[str], language: str = "") -> list[Sentiment]:
        """Scores texts in their order; `language` is es, en, or empty to find it text by text."""
        return [self.score(text, language) for text in texts]

    def score(self, text: str, language: str = "") -> Sentiment:
        """Scores one text."""
        found, evidence = self.read(text, language)
        positive, neutral, negative = probabilities(evidence, found)
        label = "neutral"
        if positive > neutral and positive >= negative:
            label = "positive"
        elif negative > neutral and negative > positive:
            label = "negative"
        emotions = {emotion: round(1.0 - exp(-sum_ / 3.0), 4) for emotion, sum_ in sorted(evidence.emotions.items())}
        return Sentiment(label, positive, neutral, negative, found, emotions)

    def read(self, text: str, language: str = "") -> tuple[str, Evidence]:
        """Gives the language of a text and what the rules find in it."""
        tokens = tokens_of(text)
        found = language or language_of([piece for kind, piece, _ in tokens if kind == "word"], text)
        if found != "und":
            return found, Reader(self._vocabularies[found], tokens).read()
        spanish, english = (Reader(self._vocabularies[each], tokens).read() for each in ("es", "en"))
        if spanish.hits == english.hits:
            return "und", spanish
        # Where no function word tells, the words of feeling do.
        return ("es", spanish) if spanish.hits > english.hits else ("en", english)
