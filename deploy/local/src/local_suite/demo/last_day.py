"""The last day of a home's demo: the day before it was first loaded, kept so that loading again changes nothing."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from local_suite.credentials import write_private
from local_suite.demo.posts import LIMA
from local_suite.errors import BadSetting
from local_suite.home import Home


def today_in_lima() -> date:
    """The day it is where the banks are."""
    return datetime.now(LIMA).date()


def last_day(home: Home, environment: Mapping[str, str], today: Callable[[], date] = today_in_lima) -> date:
    """Gives DEMO_UNTIL where that is set (YYYY-MM-DD), else the home's day, which is yesterday for a new home."""
    asked = environment.get("DEMO_UNTIL")
    if asked:
        try:
            return date.fromisoformat(asked)
        except ValueError as error:
            raise BadSetting(f"DEMO_UNTIL must be a day as in 2026-06-30, not {asked!r}.") from error
    file = home.path / "demo-until"
    if not file.exists():
        write_private(file, f"{today() - timedelta(1)}\n")
    return date.fromisoformat(file.read_text().strip())
