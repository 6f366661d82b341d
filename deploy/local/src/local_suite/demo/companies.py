"""Who is in the demo: three companies, their people, and the banks whose accounts each watches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """A person who can log in; the user names are the documented ones."""

    username: str
    full_name: str
    role: str
    email: str


@dataclass(frozen=True)
class Company:
    """A tenant of the demo."""

    name: str
    is_active: bool
    people: tuple[Person, ...]
    accounts: tuple[str, ...]
    # Whether the insurance files and the shop's purchases are loaded for it.
    has_business_data: bool = False
    # Whether its accounts get their first forecast and clusters, so that the first session answers at once.
    trains_models: bool = False


TIMEZONE = "America/Lima"
COMPANIES = (
    Company(
        "TechCorp",
        True,
        (
            Person("admin", "Ada Ministra", "admin", "admin@techcorp.example"),
            Person("user", "Úrsula Usuaria", "user", "user@techcorp.example"),
        ),
        ("BCPComunica", "bbva_peru", "Interbank"),
        has_business_data=True,
        trains_models=True,
    ),
    Company(
        "DataInc",
        True,
        (Person("viewer", "Víctor Vidente", "viewer", "viewer@datainc.example"),),
        ("BanBif", "ScotiabankPE"),
    ),
    # An inactive company: its data are there and nobody of it gets in. It also holds the account that nobody else has.
    Company(
        "StartupXYZ",
        False,
        (Person("inactive", "Inés Activa", "user", "inactive@startupxyz.example"),),
        ("BancodelaNacion", "BancoPichincha", "bcrpoficial"),
    ),
)
