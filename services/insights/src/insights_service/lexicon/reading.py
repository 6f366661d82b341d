"""Reads a text by the rules: what speaks for it, what against, how strongly, and which emotions are named."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from insights_service.lexicon.tokens import SIGNS, Token
from insights_service.lexicon.vocabulary import Phrases, Term, Vocabulary

# Denying something good says more than denying something bad: "no es malo" is faint praise.
NEGATED_GOOD = -0.7
NEGATED_BAD = -0.4
BEFORE_CONTRAST = 0.5
AFTER_CONTRAST = 1.3
CONCEDED = 0.5
ASKED = 0.6
SHOUTED = 1.25
EXCLAIMED = 0.12
_MOST_EXCLAMATIONS = 4
# What a denied emotion names instead; the others name nothing.
_OPPOSITE = {"joy": "sadness", "sadness": "joy", "trust": "disgust"}


@dataclass(slots=True)
class Evidence:
    """What the rules found in a text."""

    positive: float = 0.0
    negative: float = 0.0
    hits: int = 0
    denials: int = 0
    questions: int = 0
    exclamations: int = 0
    words: int = 0
    contrasts: int = 0
    emotions: dict[str, float] = field(default_factory=dict)


class Reader:
    """Reads one text with one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, tokens: Sequence[Token]) -> None:
        self._vocabulary = vocabulary
        self._tokens = tokens
        self._found = Evidence()
        # How many words a negation and a boost still reach.
        self._reach = self._boost_reach = 0
        self._boost = self._weight = 1.0
        self._sentence_good = self._sentence_bad = 0.0

    def read(self) -> Evidence:
        """Reads the text from its first piece to its last."""
        look_up = self._vocabulary.look_up
        tokens = self._tokens
        position = 0
        while position < len(tokens):
            kind, text, shouted = tokens[position]
            if kind == "word":
                self._found.words += 1
                found = look_up(text)
                if found is None:
                    self._pass_over()
                elif isinstance(found, Phrases):
                    position += self._apply_phrase(found, position, shouted)
                else:
                    self._apply(found, position, shouted)
            elif kind == "pause":
                self._pause(text)
            elif kind == "sign":
                # A sign speaks for itself: nobody negates a smile.
                self._count(SIGNS[text], SIGNS[text].value)
            else:
                self._read_hashtag(text)
            position += 1
        self._end_sentence("")
        return self._found

    def _apply_phrase(self, found: Phrases, position: int, shouted: bool) -> int:
        """Takes the longest phrase that stands here, else the word by itself; gives the further words it took."""
        following = self._tokens[position + 1 : position + 2]
        if following and following[0][0] == "word":
            for rest, term in found.longer:
                if rest[0] == following[0][1] and self._stands(rest, position + 1):
                    self._apply(term, position, shouted)
                    return len(rest)
        if found.alone is not None:
            self._apply(found.alone, position, shouted)
        else:
            self._pass_over()
        return 0

    def _stands(self, words: tuple[str, ...], position: int) -> bool:
        pieces = self._tokens[position : position + len(words)]
        return [piece for kind, piece, _ in pieces if kind == "word"] == list(words)

    def _apply(self, term: Term, position: int, shouted: bool) -> None:
        if term.kind == "feeling":
            value = term.value * self._boost * (SHOUTED if shouted else 1.0)
            negated = self._reach > 0
            if negated:
                value *= NEGATED_GOOD if value > 0 else NEGATED_BAD
            self._count(term, value, negated=negated)
            self._boost_reach = min(self._boost_reach, 1)
            self._pass_over()
        elif term.kind == "negator":
            if not self._is_tag_question(position):
                self._reach = int(term.value)
                self._found.denials += 1
        elif term.kind == "booster":
            self._boost *= term.value
            self._boost_reach = 2
        elif term.kind == "contrast":
            self._sentence_good *= BEFORE_CONTRAST
            self._sentence_bad *= BEFORE_CONTRAST
            self._weight = AFTER_CONTRAST
            self._found.contrasts += 1
            self._start_clause()
        elif term.kind == "concession":
            self._weight = CONCEDED
            self._start_clause()

    def _is_tag_question(self, position: int) -> bool:
        following = self._tokens[position + 1 : position + 2]
        return bool(following) and following[0][0] == "pause" and "?" in following[0][1]

    def _count(self, term: Term, value: float, *, negated: bool = False) -> None:
        self._found.hits += 1
        value *= self._weight
        if value > 0:
            self._sentence_good += value
        else:
            self._sentence_bad -= value
        strength = max(abs(value), 0.5)
        for emotion in term.emotions:
            named = _OPPOSITE.get(emotion, "") if negated else emotion
            if named:
                self._found.emotions[named] = self._found.emotions.get(named, 0.0) + strength

    def _pass_over(self) -> None:
        """A word went by: negation and boost reach one word less."""
        if self._reach:
            self._reach -= 1
        if self._boost_reach:
            self._boost_reach -= 1
            if not self._boost_reach:
                self._boost = 1.0

    def _pause(self, text: str) -> None:
        self._found.exclamations += text.count("!")
        if "?" in text or "!" in text or "." in text or "\n" in text or "…" in text:
            self._end_sentence(text)
        elif text not in {'"', "“", "”", "¿", "¡"}:
            self._start_clause()
            if self._weight == CONCEDED:
                self._weight = 1.0

    def _read_hashtag(self, text: str) -> None:
        words: list[Token] = [("word", word, False) for word in self._vocabulary.split_hashtag(text)]
        inner = Reader(self._vocabulary, words).read()
        self._sentence_good += inner.positive
        self._sentence_bad += inner.negative
        self._found.hits += inner.hits
        for emotion, strength in inner.emotions.items():
            self._found.emotions[emotion] = self._found.emotions.get(emotion, 0.0) + strength

    def _start_clause(self) -> None:
        self._reach = 0
        self._boost = 1.0
        self._boost_reach = 0

    def _end_sentence(self, sign: str) -> None:
        factor = 1.0 + EXCLAIMED * min(sign.count("!"), _MOST_EXCLAMATIONS)
        if "?" in sign:
            self._found.questions += 1
            factor *= ASKED
        self._found.positive += self._sentence_good * factor
        self._found.negative += self._sentence_bad * factor
        self._sentence_good = self._sentence_bad = 0.0
        self._weight = 1.0
        self._start_clause()
