"""What happens in a Peruvian year that a bank's social media team writes about."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Season:
    """Days of the year with a theme: `lift` multiplies posts and the growth of followers."""

    theme: str
    hashtag: str
    lift: float


_FIXED = (
    ((2, 10), (3, 12), Season("escolar", "CampañaEscolar", 1.15)),
    ((7, 12), (7, 26), Season("gratificacion", "Gratificación", 1.2)),
    ((7, 27), (7, 31), Season("patrias", "FiestasPatrias", 1.5)),
    ((10, 28), (10, 31), Season("criolla", "CanciónCriolla", 1.2)),
    ((12, 8), (12, 26), Season("navidad", "Navidad", 1.4)),
    ((12, 27), (12, 31), Season("año", "FelizAñoNuevo", 1.3)),
)


def seasons(day: date) -> list[Season]:
    """Gives the seasons that a day lies in."""
    found = [season for first, last, season in _FIXED if first <= (day.month, day.day) <= last]
    if _days_before(day, _nth_weekday(day.year, 5, 6, 2)) in range(10):
        found.append(Season("madre", "DíaDeLaMadre", 1.5))
    if _days_before(day, _nth_weekday(day.year, 6, 6, 3)) in range(7):
        found.append(Season("padre", "DíaDelPadre", 1.25))
    # The online sales weeks of the country's shops: four days from a Monday in April, July and November.
    if any(_days_before(day, _nth_weekday(day.year, month, 3, 2)) in range(4) for month in (4, 7, 11)):
        found.append(Season("cyber", "CyberDías", 1.6))
    return found


def _days_before(day: date, target: date) -> int:
    return (target - day).days


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (nth - 1))
