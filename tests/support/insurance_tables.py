"""The insurance datasets as columns of texts, in the proportions of an insurer with 100,000 users at scale 1."""

import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
Columns = dict[str, Texts]
Random = np.random.Generator

_END = np.datetime64("2024-10-04T20:39:08")
_STATES = ("LIMA", "AREQUIPA", "CUSCO", "LA LIBERTAD", "PIURA", "JUNÍN", "ÁNCASH", "LORETO", "TACNA", "PUNO", "ICA")
_CITIES = (
    "Lima",
    "Arequipa",
    "Cusco",
    "Trujillo",
    "Piura",
    "Huancayo",
    "Chimbote",
    "Iquitos",
    "Tacna",
    "Juliaca",
    "Ica",
)
_FIRST_NAMES = ("José", "María", "Luis", "Rosa", "Ángel", "Óscar", "Lucía", "Ñusta", "Iván", "Zoila")
_LAST_NAMES = ("Quispe", "Flores", "Núñez", "Mamani", "Díaz", "Rojas", "Peña", "Huamán", "de la Cruz, hijo")
_RELATIONS = ("CONYUGE", "HIJO", "HIJA", "PADRE", "MADRE", "HERMANO", "OTRO")
_COVERAGES = ("MUERTE", "INVALIDEZ", "HOSPITALIZACION", "ROBO", "CHOQUE", "INCENDIO", "SISMO", "SEPELIO")
_KINDS = ("VIDA", "SALUD", "AUTO", "HOGAR", "SOAT")
_SERVICES = ("servicio_pagos", "autenticacion_usuario", "respaldo_datos", "servicio_notificaciones",
             "generacion_reportes", "consulta_polizas", "gestion_reclamos")  # fmt: skip
_PRODUCTS = 50


def insurance_tables(seed: int, scale: float) -> dict[str, Columns]:
    """The eleven datasets by name."""
    users, user_times = _users(random_of(seed, "users"), _count(100_000, scale))
    clients, client_times = _clients(random_of(seed, "clients"), _count(80_000, scale), user_times)
    customers = len(client_times)
    agents = _agents(random_of(seed, "agents"), _count(500, scale, least=14))
    products, prices = _products(random_of(seed, "products"))
    policies, policy_times = _policies(
        random_of(seed, "policies"), _count(120_000, scale), client_times, prices, len(agents["id"])
    )
    contracts = len(policy_times)
    return {
        "mysql/users": users,
        "mysql/clients": clients,
        "mysql/agents": agents,
        "mysql/beneficiaries": _client_beneficiaries(random_of(seed, "relations"), _count(60_000, scale), customers),
        "postgresql/products": products,
        "postgresql/policies": policies,
        "postgresql/policy_coverage": _coverages(random_of(seed, "coverages"), _count(240_000, scale), contracts),
        "postgresql/beneficiaries": _policy_beneficiaries(
            random_of(seed, "heirs"), _count(60_000, scale), contracts, customers
        ),
        "cassandra/reclamos": _claims(random_of(seed, "claims"), _count(150_000, scale), policy_times),
        "cassandra/pagos": _payments(random_of(seed, "payments"), _count(400_000, scale), customers, contracts),
        "cassandra/transaction_audit": _audit(random_of(seed, "audit"), _count(500_000, scale), len(user_times)),
    }


def transactions(seed: int, scale: float) -> Columns:
    """Purchases of accounts that are far from equally busy."""
    random = random_of(seed, "transactions")
    accounts, rows = _count(100_000, scale), _count(1_000_000, scale)
    weights = random.gamma(0.8, 1, accounts)
    return {
        "id_transaccion": _texts(np.arange(1, rows + 1)),
        "id_cuenta": _texts(random.choice(accounts, rows, p=weights / weights.sum()) + 1),
        "fecha": _seconds(_moments(random, rows, 700)),
        "monto": _money(random, rows, 85),
    }


def random_of(seed: int, name: str) -> Random:
    """A stream of its own for each table, so that a change in one leaves the others alone."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _users(random: Random, rows: int) -> tuple[Columns, npt.NDArray[np.datetime64]]:
    numbers = np.arange(1, rows + 1)
    places = (random.random(rows) ** 2 * len(_STATES)).astype(int)
    times = _moments(random, rows, 1095)
    email = _texts(f"usuario{number}@correo.pe" for number in numbers)
    again = random.random(rows) < 0.01
    email[again] = random.permutation(email)[again]
    columns = {
        "id": _texts(numbers),
        "username": _texts(f"usuario{number:07d}" for number in numbers),
        "email": _gaps(random, email, 0.01),
        "role": _pick(random, rows, ("USER", "AGENT", "ADMIN"), (0.8, 0.165, 0.035)),
        "phone": _gaps(random, _texts(f"+519{number:08d}" for number in random.integers(0, 10**8, rows)), 0.03),
        "state": np.array(_STATES, dtype=np.object_)[places],
        "city": np.array(_CITIES, dtype=np.object_)[places],
        "created_at": _seconds(times),
    }
    return columns, times


def _clients(
    random: Random, rows: int, user_times: npt.NDArray[np.datetime64]
) -> tuple[Columns, npt.NDArray[np.datetime64]]:
    users = np.sort(random.choice(len(user_times), min(rows, len(user_times)), replace=False))
    rows = len(users)
    times = _later(random, user_times[users], 3.2)
    columns = {
        "user_id": _texts(users + 1),
        "first_name": _pick(random, rows, _FIRST_NAMES),
        "last_name": _pick(random, rows, _LAST_NAMES),
        "document_type": _pick(random, rows, ("DNI", "CE", "PASAPORTE", "RUC"), (0.88, 0.06, 0.02, 0.04)),
        "birth_date": _days(_moments(random, rows, 80 * 365, 1.0)),
        "gender": _gaps(random, _pick(random, rows, ("F", "M", "X"), (0.5, 0.48, 0.02)), 0.02),
        "state": _gaps(random, _pick(random, rows, _STATES), 0.5),
        # Beside the users' numbers, so that to confuse the two shows.
        "id": _texts(np.arange(1, rows + 1) + 5_000_000),
        "created_at": _seconds(times),
    }
    return columns, times


def _agents(random: Random, rows: int) -> Columns:
    return {
        "id": _texts(np.arange(1, rows + 1)),
        "code": _texts(f"AG{number:05d}" for number in range(1, rows + 1)),
        "first_name": _pick(random, rows, _FIRST_NAMES),
        "last_name": _pick(random, rows, _LAST_NAMES),
        "is_active": _pick(random, rows, ("true", "false"), (0.85, 0.15)),
    }


def _client_beneficiaries(random: Random, rows: int, customers: int) -> Columns:
    return {
        "client_id": _texts(random.integers(1, customers + 1, rows) + 5_000_000),
        "relationship": _pick(random, rows, _RELATIONS),
        "birth_date": _days(_moments(random, rows, 80 * 365, 1.0)),
    }


def _products(random: Random) -> tuple[Columns, npt.NDArray[np.float64]]:
    kinds = random.choice(len(_KINDS), _PRODUCTS)
    prices = np.round(random.lognormal(5.2, 0.7, _PRODUCTS), 2)
    columns = {
        "id": _texts(np.arange(1, _PRODUCTS + 1)),
        "code": _texts(f"PR{number:03d}" for number in range(1, _PRODUCTS + 1)),
        "name": _texts(f"Seguro {_KINDS[kind].title()} {number:02d}" for number, kind in enumerate(kinds, 1)),
        "product_type": np.array(_KINDS, dtype=np.object_)[kinds],
        "base_premium": _gaps(random, _texts(f"{price:.2f}" for price in prices), 0.05),
        "description": _gaps(random, _texts(f'Plan "{number}", con asistencia' for number in range(_PRODUCTS)), 0.1),
    }
    return columns, prices


def _policies(
    random: Random,
    rows: int,
    client_times: npt.NDArray[np.datetime64],
    prices: npt.NDArray[np.float64],
    agents: int,
) -> tuple[Columns, npt.NDArray[np.datetime64]]:
    holders = random.permutation(len(client_times))[: max(1, len(client_times) * 73 // 100)]
    holder = holders[(random.random(rows) ** 1.2 * len(holders)).astype(int)]
    product = (random.random(rows) ** 1.5 * _PRODUCTS).astype(int)
    times = _later(random, client_times[holder], 60)
    starts = times + np.timedelta64(1, "D")
    columns = {
        "id": _texts(np.arange(1, rows + 1)),
        "policy_number": _texts(f"POL-{number:08d}" for number in range(1, rows + 1)),
        "customer_id": _texts(holder + 1 + 5_000_000),
        # The last agents have sold nothing.
        "agent_id": _texts((random.random(rows) ** 1.4 * agents * 0.93).astype(int) + 1),
        "premium": _texts(f"{price:.2f}" for price in prices[product] * random.uniform(0.8, 1.3, rows)),
        "sum_insured": _texts(f"{price:.2f}" for price in prices[product] * random.uniform(20, 700, rows)),
        "product_id": _texts(product + 1),
        "status": _pick(random, rows, ("ACTIVE", "EXPIRED", "CANCELLED", "PENDING"), (0.7, 0.15, 0.1, 0.05)),
        "start_date": _days(starts),
        "issue_date": _gaps(random, _days(times), 0.2),
        "created_at": _seconds(times),
        "end_date": _days(starts + random.integers(180, 900, rows) * np.timedelta64(1, "D")),
    }
    return columns, times


def _coverages(random: Random, rows: int, contracts: int) -> Columns:
    return {
        "policy_id": _texts(random.integers(1, contracts + 1, rows)),
        "coverage_name": _pick(random, rows, _COVERAGES),
        "coverage_limit": _money(random, rows, 40_000),
        "deductible": _texts(f"{amount:.2f}" for amount in random.uniform(0, 1500, rows)),
    }


def _policy_beneficiaries(random: Random, rows: int, contracts: int, customers: int) -> Columns:
    return {
        "policy_id": _texts(random.integers(1, contracts + 1, rows)),
        "client_id": _texts(random.integers(1, customers + 1, rows) + 5_000_000),
        "full_name": _pick(random, rows, _LAST_NAMES),
        "relationship": _pick(random, rows, _RELATIONS),
    }


def _claims(random: Random, rows: int, policy_times: npt.NDArray[np.datetime64]) -> Columns:
    policy = random.integers(0, len(policy_times), rows)
    return {
        "id": _texts(f"claim-{number:08d}" for number in range(rows)),
        "policy_number": _texts(f"POL-{number + 1:08d}" for number in policy),
        "estado": _pick(random, rows, ("aprobado", "pendiente", "rechazado", "en_revision"), (0.5, 0.25, 0.08, 0.17)),
        "monto": _money(random, rows, 1900),
        "fecha_reclamo": _seconds(_later(random, policy_times[policy], 120)),
    }


def _payments(random: Random, rows: int, customers: int, contracts: int) -> Columns:
    return {
        "id": _texts(f"payment-{number:08d}" for number in range(rows)),
        "customer_id": _texts((random.random(rows) * customers * 0.73).astype(int) + 1 + 5_000_000),
        "monto": _money(random, rows, 1250.75),
        "metodo_pago": _pick(
            random, rows, ("tarjeta", "transferencia", "yape", "plin", "efectivo"), (0.4, 0.25, 0.18, 0.09, 0.08)
        ),
        "fecha_pago": _seconds(_moments(random, rows, 1095)),
        "policy_number": _texts(f"POL-{number:08d}" for number in random.integers(1, contracts + 1, rows)),
    }


def _audit(random: Random, rows: int, users: int) -> Columns:
    operations = ("READ", "CREATE", "UPDATE", "LOGIN", "DELETE", "LOGIN_FAILED", "UPDATE_ERROR")
    return {
        "timestamp": _seconds(_moments(random, rows, 365)),
        "servicio": _pick(random, rows, _SERVICES, (0.26, 0.23, 0.145, 0.12, 0.105, 0.08, 0.06)),
        "operacion": _pick(random, rows, operations, (0.45, 0.19, 0.19, 0.11, 0.03, 0.02, 0.01)),
        "user_id": _texts(random.integers(1, users + 1, rows)),
    }


def _count(whole: int, scale: float, *, least: int = 1) -> int:
    return max(least, round(whole * scale))


def _texts(values: Iterable[object]) -> Texts:
    return np.array([str(value) for value in values], dtype=np.object_)


def _pick(random: Random, rows: int, values: tuple[str, ...], weights: tuple[float, ...] | None = None) -> Texts:
    shares = None if weights is None else np.array(weights) / sum(weights)
    return np.array(values, dtype=np.object_)[random.choice(len(values), rows, p=shares)]


def _gaps(random: Random, values: Texts, share: float) -> Texts:
    return np.where(random.random(len(values)) < share, "", values)


def _money(random: Random, rows: int, mean: float) -> Texts:
    # One in ten is a round sum, so that there are ties.
    amounts = random.lognormal(np.log(mean) - 0.32, 0.8, rows)
    rounded = np.where(random.random(rows) < 0.1, np.round(amounts, -2), amounts)
    return _texts(f"{amount:.2f}" for amount in rounded)


def _moments(random: Random, rows: int, days: int, lean: float = 1.3) -> npt.NDArray[np.datetime64]:
    return _END - (random.random(rows) ** lean * days * 86400).astype("timedelta64[s]")


def _later(random: Random, start: npt.NDArray[np.datetime64], mean_days: float) -> npt.NDArray[np.datetime64]:
    left = (_END - start).astype(float) * random.random(len(start))
    waited = np.minimum(random.exponential(mean_days * 86400, len(start)), left)
    later: npt.NDArray[np.datetime64] = start + waited.astype("timedelta64[s]")
    return later


def _seconds(moments: npt.NDArray[np.datetime64]) -> Texts:
    return np.datetime_as_string(moments.astype("datetime64[s]")).astype(object)


def _days(moments: npt.NDArray[np.datetime64]) -> Texts:
    return np.datetime_as_string(moments.astype("datetime64[D]")).astype(object)
