"""The insurer's people: users, clients, agents and beneficiaries (the mysql tables), as dirty as real ones."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from local_suite.demo.dirt import Dirt
from local_suite.demo.seeds import numbers

USERS = 3_000
AGENTS = 60
# Names of women and men by turns.
_FIRST = (
    "María", "Juan", "Rosa", "Luis", "Ana", "José", "Carmen", "Jorge", "Elena", "Víctor", "Lucía", "Miguel", "Julia",
    "César", "Sofía", "Raúl", "Teresa", "Óscar", "Gloria", "Manuel", "Nélida", "Iván", "Paola", "Felipe",
)  # fmt: skip
_LAST = (
    "Quispe", "Flores", "Sánchez", "García", "Rojas", "Huamán", "Díaz", "Mamani", "Ramos", "Torres", "Vargas", "Castro",
    "Chávez", "Mendoza", "Espinoza", "Gutiérrez", "Salazar", "Condori", "Paredes", "Cárdenas", "Ñahui", "León",
)  # fmt: skip
_STATES = {
    "LIMA": (38, ("Lima", "Miraflores", "San Isidro", "Comas")), "AREQUIPA": (11, ("Arequipa", "Camaná")),
    "LA LIBERTAD": (9, ("Trujillo", "Pacasmayo")), "PIURA": (9, ("Piura", "Sullana")),
    "CUSCO": (8, ("Cusco", "Urubamba")), "LAMBAYEQUE": (7, ("Chiclayo", "Ferreñafe")),
    "JUNIN": (6, ("Huancayo", "Jauja")), "ICA": (5, ("Ica", "Pisco")),
    "LORETO": (4, ("Iquitos",)), "TACNA": (3, ("Tacna",)),
}  # fmt: skip
_RELATIONS = ("HIJO", "HIJA", "CONYUGE", "PADRE", "MADRE", "HERMANO")

Table = tuple[tuple[str, ...], list[tuple[object, ...]]]


@dataclass(frozen=True)
class Client:
    """A client as the other tables see one."""

    id: int
    name: str
    joined: date


@dataclass(frozen=True)
class People:
    """The four tables, and the clients for whom policies are made."""

    tables: dict[str, Table]
    clients: Sequence[Client]


def people(until: date) -> People:
    """Makes users who registered in the three years up to `until`, seven in ten of them clients."""
    random = numbers("people")
    users: list[tuple[object, ...]] = []
    rows: list[tuple[object, ...]] = []
    clients: list[Client] = []
    dirt = Dirt("users")
    client_dirt = Dirt("clients")
    for number in range(1, USERS + 1):
        # More people register as the years go by.
        joined = until - timedelta(int(3 * 365 * (1 - np.sqrt(random.random()))))
        name = int(random.choice(len(_FIRST)))
        first, last = _FIRST[name], f"{random.choice(_LAST)} {random.choice(_LAST)}"
        state = str(random.choice(list(_STATES), p=_shares()))
        users.append(_user(number, first, last, state, joined, random, dirt))
        became = joined + timedelta(int(random.gamma(1.4, 12)))
        if random.random() < 0.7 and became <= until:
            client = Client(len(clients) + 1, f"{first} {last}", became)
            clients.append(client)
            rows.append(_client(client, number, (first, last, "FM"[name % 2]), state, until, random, client_dirt))
    columns = (
        "id",
        "user_id",
        "first_name",
        "last_name",
        "document_type",
        "birth_date",
        "gender",
        "state",
        "created_at",
    )
    user_columns = ("id", "username", "email", "role", "phone", "state", "city", "created_at")
    tables: dict[str, Table] = {
        "mysql/users": (user_columns, users),
        "mysql/clients": (columns, rows),
        "mysql/agents": _agents(random),
        "mysql/beneficiaries": _beneficiaries(len(clients), until, random),
    }
    return People(tables, clients)


def _shares() -> list[float]:
    total = sum(weight for weight, _ in _STATES.values())
    return [weight / total for weight, _ in _STATES.values()]


def _plain(name: str) -> str:
    """Drops accents, which addresses do not have."""
    return unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode()


def _user(
    number: int, first: str, last: str, state: str, joined: date, random: np.random.Generator, dirt: Dirt
) -> tuple[object, ...]:
    username = _plain(f"{first}.{last.split()[0]}{number}").lower()
    # One address in a hundred was given before; some lack what makes them one.
    address = f"{username}@correo.example" if random.random() > 0.01 else "familia@correo.example"
    email = address if random.random() > 0.006 else address.replace("@", " ")
    hour = f"{random.integers(7, 23):02d}:{random.integers(60):02d}:{random.integers(60):02d}"
    city = random.choice(_STATES[state][1])
    return (
        number,
        username,
        dirt.missing(email, 0.02),
        random.choice(
            ["CLIENT", "CLIENT", "CLIENT", "CLIENT", "AGENT", "ADMIN"], p=[0.3, 0.3, 0.2, 0.15, 0.045, 0.005]
        ),
        dirt.missing(f"9{random.integers(10_000_000, 99_999_999)}", 0.04),
        dirt.missing(dirt.spelling(state), 0.01),
        dirt.missing(city, 0.015),
        dirt.date(f"{joined}T{hour}Z"),
    )


def _client(
    client: Client,
    user: int,
    named: tuple[str, str, str],
    state: str,
    until: date,
    random: np.random.Generator,
    dirt: Dirt,
) -> tuple[object, ...]:
    first, last, gender = named
    birth = until - timedelta(int(365.25 * np.clip(random.normal(41, 14), 17, 92)))
    return (
        client.id,
        dirt.orphan(user, 0.003),
        first,
        last,
        random.choice(["DNI", "CE", "PASAPORTE", "RUC"], p=[0.88, 0.06, 0.04, 0.02]),
        dirt.date(str(birth), missing=0.02),
        dirt.missing(gender, 0.03),
        dirt.missing(state, 0.01),
        dirt.date(f"{client.joined}T12:00:00Z"),
    )


def _agents(random: np.random.Generator) -> Table:
    rows: list[tuple[object, ...]] = []
    for number in range(1, AGENTS + 1):
        active = random.choice(["true", "false", "1", "0", "sí"], p=[0.6, 0.12, 0.15, 0.05, 0.08])
        rows.append((number, f"AG-{number:03d}", random.choice(_FIRST), random.choice(_LAST), active))
    return ("id", "code", "first_name", "last_name", "is_active"), rows


def _beneficiaries(clients: int, until: date, random: np.random.Generator) -> Table:
    dirt = Dirt("beneficiaries")
    rows: list[tuple[object, ...]] = []
    for client in range(1, clients + 1):
        for _ in range(random.poisson(0.9)):
            relation = str(random.choice(_RELATIONS, p=[0.27, 0.27, 0.24, 0.08, 0.09, 0.05]))
            age = random.uniform(0, 25) if relation.startswith("HIJ") else random.uniform(25, 85)
            birth = until - timedelta(int(365.25 * age))
            rows.append((dirt.orphan(client), dirt.missing(dirt.spelling(relation), 0.01), dirt.date(str(birth))))
    return ("client_id", "relationship", "birth_date"), rows
