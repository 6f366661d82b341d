"""The demo's passwords, its log-in file and its last day."""

import stat
from datetime import date
from pathlib import Path

import pytest
from local_suite.demo.companies import COMPANIES
from local_suite.demo.last_day import last_day
from local_suite.demo.logins import passwords, wanted, write_logins
from local_suite.errors import BadSetting
from local_suite.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home" / "secrets").mkdir(parents=True)
    return Home(tmp_path / "home", 8000)


def test_passwords_are_random_in_each_home_and_stay(home: Home, tmp_path: Path) -> None:
    (tmp_path / "other" / "secrets").mkdir(parents=True)
    first = passwords(home, {})
    assert first == passwords(home, {})
    assert set(first) == {"admin", "user", "viewer", "inactive"}
    assert len(set(first.values())) == 4
    assert first != passwords(Home(tmp_path / "other", 8000), {})


def test_demo_password_is_everybodys_where_it_is_set(home: Home) -> None:
    assert set(passwords(home, {"DEMO_PASSWORD": "chosen by the operator"}).values()) == {"chosen by the operator"}


def test_log_ins_are_told_to_their_owner_alone(home: Home) -> None:
    known = passwords(home, {})
    write_logins(home, known)
    text = home.demo_logins.read_text()
    assert all(password in text for password in known.values())
    assert all(account in text for company in COMPANIES for account in company.accounts)
    assert max(len(line) for line in text.splitlines()) <= 200
    for file in home.secrets.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_companies_and_roles_are_the_documented_ones(home: Home) -> None:
    tenants = wanted(dict.fromkeys(["admin", "user", "viewer", "inactive"], "x"))["tenants"]
    assert isinstance(tenants, list)
    assert [(each["name"], each["is_active"], [user["role"] for user in each["users"]]) for each in tenants] == [
        ("TechCorp", True, ["admin", "user"]),
        ("DataInc", True, ["viewer"]),
        ("StartupXYZ", False, ["user"]),
    ]


def test_the_last_day_is_yesterday_at_first_and_stays(home: Home) -> None:
    assert last_day(home, {}, lambda: date(2026, 3, 2)) == date(2026, 3, 1)
    assert last_day(home, {}, lambda: date(2026, 9, 9)) == date(2026, 3, 1)
    assert last_day(home, {"DEMO_UNTIL": "2025-01-31"}, lambda: date(2026, 9, 9)) == date(2025, 1, 31)
    with pytest.raises(BadSetting, match="DEMO_UNTIL"):
        last_day(home, {"DEMO_UNTIL": "soon"})
