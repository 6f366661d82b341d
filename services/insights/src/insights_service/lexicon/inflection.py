"""Turns a dictionary form into the forms that texts use, by simple rules; what they make too much of, `never` lists."""

from collections.abc import Callable, Iterator

# Endings on the bare stem, then endings on the stem of the stressed forms (recomend-, recomiend-).
_AR = (
    "ar amos ais é aste ó amos asteis aron aba abas abamos aban ando ado ada ados adas aré arás ará aremos arán aría "
    "arías ariamos arían ad arme arte arse arle arlo arla arnos arlos ara aran emos andome andote ándose",
    "o as a an e es en ame anos ala alo",
)
_ER = (
    "er emos éis í iste ió imos ieron ía ías íamos ían iendo ido ida idos idas eré erás erá eremos erán ería erías "
    "erían ed erme erte erse erle erlo erla ernos iera ieran amos",
    "o es e en a as an eme enos",
)
_IR = (_ER[0].replace("er", "ir").replace("emos", "imos").replace("iiron", "ieron"), _ER[1])


def fold(word: str) -> str:
    """Lower case without accents, as people type; ñ and ç stay letters of their own."""
    lowered = word.lower()
    return lowered if lowered.isascii() else lowered.translate(_FOLDED)


_FOLDED = str.maketrans("áàâäãéèêëíìîïóòôöõúùûüÿ’`´", "aaaaaeeeeiiiiooooouuuuy'''")


def _plural(word: str) -> str:
    if word.endswith("z"):
        return word[:-1] + "ces"
    if word[-1] in "aeiouáéó":
        return word + "s"
    if word.endswith("s"):
        return word
    return fold(word) + "es"


def _spanish_adjective(word: str) -> Iterator[str]:
    if word.endswith("o"):
        stem = word[:-1]
        yield from (stem + ending for ending in ("o", "a", "os", "as", "amente", "ito", "ita", "itos", "itas"))
        stem = _hard(stem)
    elif word.endswith(("or", "ón", "ín")):
        stem = fold(word)
        yield from (word, stem + "a", stem + "es", stem + "as")
    else:
        yield from (word, _plural(word), fold(word) + "mente")
        stem = word[:-1] if word.endswith("e") else word
    yield from (stem + ending for ending in ("ísimo", "ísima", "ísimos", "ísimas"))


def _hard(stem: str) -> str:
    """Keeps the sound before i: rico, riquísimo; largo, larguísimo."""
    if stem.endswith("c"):
        return stem[:-1] + "qu"
    return stem + "u" if stem.endswith("g") else stem


def _spanish_noun(word: str) -> Iterator[str]:
    yield from (word, _plural(word))
    if word.endswith(("o", "a")):
        yield from (_hard(word[:-1]) + ending for ending in ("ito", "ita", "itos", "itas", "azo", "ón"))


def _spanish_verb(endings: tuple[str, str]) -> Callable[[str], Iterator[str]]:
    def forms(word: str) -> Iterator[str]:
        infinitive, _, stressed = word.partition("~")
        stem = infinitive[:-2]
        for ending in endings[0].split():
            yield _sounded(stem, ending)
        for ending in endings[1].split():
            yield _sounded(stressed or stem, ending)

    return forms


def _sounded(stem: str, ending: str) -> str:
    """Keeps the sound before e and é: triunfar needs nothing, criticar makes critique, castigar castigue."""
    if ending[0] in "eé":
        if stem.endswith("c"):
            return stem[:-1] + "qu" + ending
        if stem.endswith("g"):
            return stem + "u" + ending
        if stem.endswith("z"):
            return stem[:-1] + "c" + ending
    return stem + ending


def _english_adjective(word: str) -> Iterator[str]:
    yield word
    if word.endswith("y"):
        yield from (word[:-1] + ending for ending in ("ier", "iest", "ily"))
    elif word.endswith("le"):
        yield word[:-1] + "y"
    else:
        yield word + ("ally" if word.endswith("ic") else "ly")
        if len(word) <= 6:
            stem = word.removesuffix("e")
            yield from (stem + "er", stem + "est")


def _english_noun(word: str) -> Iterator[str]:
    yield word
    if word.endswith("y") and word[-2] not in "aeiou":
        yield word[:-1] + "ies"
    else:
        yield word + ("es" if word.endswith(("s", "sh", "ch", "x", "z")) else "s")


def _english_verb(word: str) -> Iterator[str]:
    yield from _english_noun(word)
    if word.endswith("y") and word[-2] not in "aeiou":
        yield from (word[:-1] + "ied", word + "ing")
        return
    if word.endswith("ie"):
        yield from (word + "d", word[:-2] + "ying")
        return
    stem = word.removesuffix("e")
    yield from (stem + "ed", stem + "ing")
    if word[-1] not in "aeiouwxy" and word[-2] in "aeiou" and word[-3:-2] not in "aeiou":
        yield from (word + word[-1] + "ed", word + word[-1] + "ing")


FORMS: dict[str, dict[str, Callable[[str], Iterator[str]]]] = {
    "es": {
        "adj": _spanish_adjective,
        "n": _spanish_noun,
        "ar": _spanish_verb(_AR),
        "er": _spanish_verb(_ER),
        "ir": _spanish_verb(_IR),
    },
    "en": {"adj": _english_adjective, "n": _english_noun, "v": _english_verb},
}
