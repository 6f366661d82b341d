"""Puts a post's text together: a sentence, sometimes emoji, a closing and hashtags."""

import re
from random import Random

from local_suite.demo.banks import Bank
from local_suite.demo.calendar_pe import Season
from local_suite.demo.sentences import CENTRAL, CLOSINGS, EMOJI, FILLINGS, TAGS, THEMES

_FIELD = re.compile(r"\{(\w+)\}")
_USUAL = {
    "promocion": 24, "producto": 18, "educacion": 15, "seguridad": 9, "comunidad": 11, "informacion": 10,
    "respuesta": 13,
}  # fmt: skip
_USUAL_CENTRAL = {"politica": 8, "cifras": 38, "publicacion": 34, "cultura": 14, "seguridad": 6}
# What share of a season's posts is about it.
_SEASONAL = 0.45


def pick_theme(bank: Bank, seasons: list[Season], outage: bool, random: Random) -> str:
    """Chooses what a post is about."""
    if bank.central:
        return random.choices(list(_USUAL_CENTRAL), weights=list(_USUAL_CENTRAL.values()))[0]
    if outage and random.random() < 0.6:
        return random.choice(("caida", "caida", "respuesta"))
    if seasons and random.random() < _SEASONAL:
        return random.choice(seasons).theme
    return random.choices(list(_USUAL), weights=list(_USUAL.values()))[0]


def write(bank: Bank, theme: str, seasons: list[Season], random: Random) -> tuple[str, list[str]]:
    """Writes a post on a theme; gives its text and its hashtags."""
    sentences = CENTRAL if bank.central else THEMES
    text = _FIELD.sub(lambda field: random.choice(FILLINGS[field.group(1)]), random.choice(sentences[theme]))
    text = (text[0].upper() + text[1:]).replace(" de el ", " del ").replace(" a el ", " al ").replace("m..", "m.")
    hashtags = _hashtags(bank, theme, seasons, random)
    if theme in {"respuesta", "caida"}:
        return text, hashtags
    if theme in EMOJI and random.random() < (0.1 if bank.central else 0.5):
        text += " " + "".join(random.choices(EMOJI[theme], k=random.choice((1, 1, 2))))
    text += random.choice(CLOSINGS)
    return " ".join((text, *(f"#{tag}" for tag in hashtags))), hashtags


def _hashtags(bank: Bank, theme: str, seasons: list[Season], random: Random) -> list[str]:
    if theme in {"respuesta", "caida"}:
        return []
    tags = [season.hashtag for season in seasons if season.theme == theme]
    if TAGS.get(theme) and random.random() < 0.55:
        tags.append(random.choice(TAGS[theme]))
    if random.random() < 0.3:
        tags.append(bank.tag)
    return tags
