"""Reads the word lists of a language and answers what a word, as people type it, stands for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from insights_service.lexicon.inflection import FORMS, fold

SUPERLATIVE = re.compile(r"[ií]sim[oa]s?$")
_REPEATED = re.compile(r"(.)\1{2,}")
_LAUGH = re.compile(r"^(?:(?:a?(?:j[aeij]){2,}j?)|(?:a?(?:h[ae]){2,}h?)|x+d+|l+o+l+)s?$")
_CAMEL = re.compile(r"[A-ZÁÉÍÓÚÑ]?[a-záéíóúüñ]+|[A-ZÁÉÍÓÚÑ]+(?![a-záéíóúñ])|\d+")
_LONGEST_WORD = 40
_PREFIXES = ("super", "hiper", "mega", "archi", "ultra", "requete", "re")
_MODIFIERS = ("negator", "booster", "contrast", "concession", "plain")


@dataclass(frozen=True, slots=True)
class Term:
    """What a word or phrase does: `feeling` has a value, a modifier changes the value of the words around it."""

    kind: str
    value: float
    emotions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases that begin with one word, longest first, and what the word does by itself."""

    longer: tuple[tuple[tuple[str, ...], Term], ...]
    alone: Term | None


class Vocabulary:
    """The words of one language. A word is worked out once and remembered."""

    def __init__(self, language: str) -> None:
        self._terms, phrases = _read(language)
        for first, longer in phrases.items():
            ordered = tuple(sorted(longer.items(), key=lambda entry: -len(entry[0])))
            self._terms[first] = Phrases(ordered, self._single(first))
        self.look_up = lru_cache(maxsize=65_536)(self._resolve)
        self.split_hashtag = lru_cache(maxsize=16_384)(self._split)

    def __len__(self) -> int:
        return len(self._terms)

    def _single(self, word: str) -> Term | None:
        found = self._terms.get(word)
        return found.alone if isinstance(found, Phrases) else found

    def _resolve(self, word: str) -> Term | Phrases | None:
        """Finds a folded word as it stands, then without drawn-out letters, then without a strengthening prefix."""
        found = self._terms.get(word)
        if found is not None or len(word) > _LONGEST_WORD:
            return found
        if _LAUGH.match(word):
            return _LAUGHTER
        if _REPEATED.search(word):
            return self._drawn_out(word)
        for prefix in _PREFIXES:
            if word.startswith(prefix) and (rest := self._single(word[len(prefix) :])) and rest.kind == "feeling":
                return Term("feeling", rest.value * 1.3, rest.emotions)
        return None

    def _drawn_out(self, word: str) -> Term | None:
        for kept in (r"\1", r"\1\1"):
            if found := self._single(_REPEATED.sub(kept, word)):
                return Term(found.kind, found.value * (1.25 if found.kind == "feeling" else 1), found.emotions)
        return None

    def _split(self, hashtag: str) -> tuple[str, ...]:
        """Splits the words of a hashtag (without its sign): by capitals, else in two words that are both known."""
        if len(hashtag) > 2 * _LONGEST_WORD:
            return ()
        parts = tuple(fold(part) for part in _CAMEL.findall(hashtag))
        if len(parts) > 1 or not parts or parts[0] in self._terms:
            return parts
        word = parts[0]
        for cut in range(len(word) - 3, 1, -1):
            if word[:cut] in self._terms and word[cut:] in self._terms:
                return word[:cut], word[cut:]
        return parts


_LAUGHTER = Term("feeling", 1.0, ("joy",))


def read_rows(name: str) -> Iterator[tuple[float, tuple[str, ...], str, list[str]]]:
    """Gives the rows of a word list: value, emotions, kind and words."""
    text = resources.files("insights_service.lexicon").joinpath("data", f"{name}.tsv").read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            value, emotions, kind, words = line.split("\t")
            yield float(value), tuple(emotions.split(",")) if emotions != "-" else (), kind, words.split(" ")


def _read(language: str) -> tuple[dict[str, Term | Phrases], dict[str, dict[tuple[str, ...], Term]]]:
    terms: dict[str, Term | Phrases] = {}
    modifiers: dict[str, Term | Phrases] = {}
    phrases: dict[str, dict[tuple[str, ...], Term]] = {}
    never: set[str] = set()
    for value, emotions, kind, words in read_rows(language):
        for word in words:
            parts = tuple(fold(word).split("_"))
            term = Term(kind if kind in _MODIFIERS else "feeling", value, emotions)
            if kind == "never":
                never.add(parts[0])
            elif len(parts) > 1:
                phrases.setdefault(parts[0], {}).setdefault(parts[1:], term)
            elif kind in _MODIFIERS:
                modifiers[parts[0]] = term
            else:
                _add_forms(terms, language, kind, word, term)
    for word in never:
        terms.pop(word, None)
    return terms | modifiers, phrases


def _add_forms(terms: dict[str, Term | Phrases], language: str, kind: str, word: str, term: Term) -> None:
    forms = FORMS[language].get(kind)
    # The list is ordered from strong to weak, so the first mention of a form keeps it; a word as written wins anyway.
    terms[fold(word.partition("~")[0])] = term
    for form in forms(word) if forms else ():
        value = term.value * 1.3 if SUPERLATIVE.search(form) else term.value
        terms.setdefault(fold(form), Term(term.kind, value, term.emotions))
