"""The demo's passwords, made at random once per home, and the file that tells them to the home's owner."""

import io
import json
import secrets
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from local_suite.credentials import write_private
from local_suite.demo.companies import COMPANIES, TIMEZONE, Company, Person
from local_suite.home import Home


def passwords(home: Home, environment: Mapping[str, str]) -> dict[str, str]:
    """Gives each person's password by user name: DEMO_PASSWORD where that is set, else the home's own."""
    names = [person.username for company in COMPANIES for person in company.people]
    if environment.get("DEMO_PASSWORD"):
        return dict.fromkeys(names, environment["DEMO_PASSWORD"])
    file = home.secrets / "demo-passwords.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    complete = {name: kept.get(name) or secrets.token_urlsafe(12) for name in names}
    if complete != kept:
        write_private(file, json.dumps(complete))
    return complete


def wanted(known: Mapping[str, str]) -> dict[str, object]:
    """What `auth_service provision` reads."""
    return {"tenants": [_tenant(company, known) for company in COMPANIES]}


def _tenant(company: Company, known: Mapping[str, str]) -> dict[str, object]:
    users = [
        {
            "username": person.username,
            "email": person.email,
            "full_name": person.full_name,
            "role": person.role,
            "password": known[person.username],
        }
        for person in company.people
    ]
    return {"name": company.name, "timezone": TIMEZONE, "is_active": company.is_active, "users": users}


def write_logins(home: Home, known: Mapping[str, str]) -> None:
    """Writes the log-ins as a table, for their owner's eyes only."""
    table = Table("company", "user name", "e-mail", "role", "password", "accounts", box=None)
    for company in COMPANIES:
        for person in company.people:
            table.add_row(*_row(company, person), known[person.username], ", ".join(company.accounts))
    text = io.StringIO()
    # Wide enough for every row: a password broken over two lines is none.
    Console(file=text, width=200).print(table)
    write_private(home.demo_logins, "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n")


def _row(company: Company, person: Person) -> tuple[str, str, str, str]:
    name = company.name if company.is_active else f"{company.name} (inactive: no log-in)"
    return name, person.username, person.email, person.role
