"""The posts of a bank: when, what, and what the audience made of it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import numpy as np

from local_suite.demo.banks import Bank
from local_suite.demo.history import DAYS, History
from local_suite.demo.seeds import choices, numbers
from local_suite.demo.wording import pick_theme, write

COLUMNS = (
    "cuenta", "id_externo", "fecha_publicacion", "contenido", "tipo_contenido", "likes", "comentarios", "compartidos",
    "impresiones", "alcance", "guardados", "reproducciones", "hashtags", "menciones", "plataforma", "idioma",
)  # fmt: skip
LIMA = ZoneInfo("America/Lima")
_WEEKDAYS = (1.15, 1.2, 1.2, 1.15, 1.1, 0.65, 0.45)
# Share of the posts by hour in Lima, and how well each hour does.
_HOURS = np.array([0, 0, 0, 0, 0, 0, 1, 4, 8, 11, 11, 10, 9, 7, 6, 7, 8, 9, 9, 7, 5, 3, 2, 1], dtype=float)
_HOUR_EFFECT = (
    0.5, 0.4, 0.4, 0.4, 0.4, 0.5, 0.7, 0.85, 0.95, 1.0, 1.0, 1.05, 1.2, 1.2, 1.0, 0.95, 0.95, 1.05, 1.2, 1.35, 1.4, 1.3,
    1.0, 0.7,
)  # fmt: skip
_TYPES = {
    "image": (44, 1.0), "video": (22, 1.7), "carousel": (12, 1.35), "link": (12, 0.6), "text": (10, 0.5),
}  # fmt: skip
_THEME_EFFECT = {
    "promocion": 1.5, "cyber": 1.7, "madre": 1.8, "padre": 1.4, "patrias": 1.9, "navidad": 1.6, "comunidad": 1.3,
    "educacion": 0.9, "seguridad": 0.7, "informacion": 0.6, "respuesta": 0.05, "caida": 1.1, "politica": 2.2,
}  # fmt: skip
# Comments and shares as a share of likes: people comment on trouble and pass on warnings and prizes.
_COMMENTS = {"caida": 1.3, "respuesta": 0.35, "promocion": 0.14, "seguridad": 0.1, "politica": 0.2}
_SHARES = {"seguridad": 0.4, "promocion": 0.22, "politica": 0.5, "cifras": 0.3, "caida": 0.25, "respuesta": 0.01}
_VIRAL = 0.004

Row = tuple[object, ...]


def posts_of(bank: Bank, history: History) -> Iterator[Row]:
    """Makes the posts, oldest first."""
    random, words = numbers("posts", bank.account), choices("texts", bank.account)
    weekday = np.array([_WEEKDAYS[day.weekday()] for day in history.days])
    counts = random.poisson(bank.posts_a_day * weekday * np.sqrt(history.lift)) + 3 * history.outage
    hours = _HOURS / _HOURS.sum()
    number = 0
    for index in range(DAYS):
        seconds = random.choice(24, size=counts[index], p=hours) * 3600 + random.integers(0, 3600, counts[index])
        for second in np.sort(seconds):
            number += 1
            yield _post(bank, history, index, int(second), number, random, words)


def _post(
    bank: Bank, history: History, index: int, second: int, number: int, random: np.random.Generator, words: Random
) -> Row:
    seasons = history.seasons[index]
    theme = pick_theme(bank, seasons, bool(history.outage[index]), words)
    text, hashtags = write(bank, theme, seasons, words)
    kind = "text" if theme in {"respuesta", "caida"} else _pick_type(words)
    followers = int(history.followers[index])
    likes, comments, shares = _reactions(bank, theme, kind, followers, second, float(history.lift[index]), random)
    reach = int(min(followers * random.lognormal(-2.7, 0.5) + 6 * likes, 40 * followers))
    views = int(reach * random.uniform(0.35, 0.75)) if kind == "video" else ""
    saves = int(random.binomial(likes, 0.04)) if kind in {"image", "carousel", "video"} else 0
    return (
        bank.account,
        f"{bank.account}-{number:06d}",
        _moment(history.days[index], second),
        text,
        kind,
        likes,
        comments,
        shares,
        int(reach * random.uniform(1.15, 1.7)),
        reach,
        saves,
        views,
        ",".join(hashtags),
        text.count("@"),
        "twitter",
        "es",
    )


def _reactions(
    bank: Bank, theme: str, kind: str, followers: int, second: int, lift: float, random: np.random.Generator
) -> tuple[int, int, int]:
    """Likes, comments and shares: by audience, theme, type, hour and luck."""
    mean = bank.engagement * followers / 1000 * _THEME_EFFECT.get(theme, 1.0) * _TYPES[kind][1]
    mean *= _HOUR_EFFECT[second // 3600] * lift**0.3 * random.lognormal(-0.18, 0.6)
    if theme != "respuesta" and random.random() < _VIRAL:
        mean *= random.uniform(8, 30)
    comments = random.poisson(mean * _COMMENTS.get(theme, 0.06) * random.lognormal(-0.1, 0.45))
    shares = random.poisson(mean * _SHARES.get(theme, 0.12) * random.lognormal(-0.1, 0.45))
    likes = random.poisson(mean * (0.35 if theme == "caida" else 1.0))
    return int(likes), int(comments), int(shares)


def _pick_type(random: Random) -> str:
    return random.choices(list(_TYPES), weights=[weight for weight, _ in _TYPES.values()])[0]


def _moment(day: date, second: int) -> str:
    local = datetime.combine(day, time(), LIMA) + timedelta(seconds=second)
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
