"""The insurer's business: products, policies and their coverage, then claims, payments and the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from local_suite.demo.dirt import Dirt
from local_suite.demo.people import AGENTS, USERS, Client, People, Table, people
from local_suite.demo.seeds import numbers

_PRODUCTS = (
    ("VIDA", "Vida Familia", 62.0), ("VIDA", "Vida Plus", 118.0), ("VIDA", "Vida Ahorro", 210.0),
    ("SALUD", "Salud Esencial", 145.0), ("SALUD", "Salud Total", 390.0), ("SALUD", "Salud Joven", 88.0),
    ("VEHICULAR", "Auto Básico", 74.0), ("VEHICULAR", "Auto Todo Riesgo", 260.0), ("VEHICULAR", "Moto Segura", 39.0),
    ("HOGAR", "Hogar Protegido", 48.0), ("HOGAR", "Hogar y Negocio", 133.0), ("VIAJE", "Viaje Mundo", 57.0),
    ("EMPRESA", "Pyme Segura", 540.0), ("EMPRESA", "Empresa Integral", 1290.0),
)  # fmt: skip
# Claims a year, and the share of the sum insured that one claims.
_RISK = {
    "VIDA": (0.02, 0.3),
    "SALUD": (0.75, 0.02),
    "VEHICULAR": (0.32, 0.07),
    "HOGAR": (0.1, 0.05),
    "VIAJE": (0.18, 0.03),
    "EMPRESA": (0.22, 0.04),
}
_COVERAGES = (
    "MUERTE ACCIDENTAL",
    "HOSPITALIZACION",
    "ROBO",
    "INCENDIO",
    "RESPONSABILIDAD CIVIL",
    "ASISTENCIA",
    "DENTAL",
)
_STATUS = ("ACTIVE", "ACTIVE", "EXPIRED", "CANCELLED", "PENDING")
_ESTADOS = ("APROBADO", "PENDIENTE", "RECHAZADO", "EN_REVISION")
_METHODS = ("TARJETA", "TRANSFERENCIA", "EFECTIVO", "YAPE", "DEBITO_AUTOMATICO")
_SERVICES = {
    "servicio_pagos": 30, "autenticacion_usuario": 27, "servicio_notificaciones": 14, "respaldo_datos": 11,
    "generacion_reportes": 10, "servicio_polizas": 8,
}  # fmt: skip
_OPERATIONS = ("CONSULTA", "CREAR", "ACTUALIZAR", "LOGIN", "PAGO", "PAGO_ERROR", "LOGIN_FAIL", "ELIMINAR")
AUDIT_EVENTS = 6_000
_AUDIT_DAYS = 60


@dataclass(frozen=True)
class Policy:
    """A policy as the claims and payments see one."""

    number: str
    client: Client
    kind: str
    premium: float
    insured: float
    start: date


def insurance_tables(until: date) -> dict[str, Table]:
    """Makes the eleven tables, with nothing later than `until`."""
    everyone = people(until)
    random = numbers("insurance")
    policies, tables = _policies(everyone, until, random)
    tables["postgresql/policy_coverage"] = _coverage(policies, random)
    tables["postgresql/beneficiaries"] = _beneficiaries(policies, random)
    tables["cassandra/reclamos"] = _claims(policies, until, random)
    tables["cassandra/pagos"] = _payments(policies, until, random)
    tables["cassandra/transaction_audit"] = _audit(until, random)
    return everyone.tables | tables


def _policies(everyone: People, until: date, random: np.random.Generator) -> tuple[list[Policy], dict[str, Table]]:
    dirt = Dirt("policies")
    policies: list[Policy] = []
    rows: list[tuple[object, ...]] = []
    # Some agents sell far more than others.
    agent_shares = random.dirichlet(np.full(AGENTS, 0.8))
    for client in everyone.clients:
        for _ in range(random.choice(4, p=[0.22, 0.48, 0.21, 0.09])):
            start = client.joined + timedelta(int(random.gamma(1.1, 45)))
            if start > until:
                continue
            product = int(random.choice(len(_PRODUCTS)))
            kind, _, base = _PRODUCTS[product]
            premium = round(base * random.lognormal(0.0, 0.3), 2)
            insured = round(premium * random.uniform(120, 900), -2)
            number = f"POL-{len(policies) + 1:06d}"
            policies.append(Policy(number, client, kind, premium, insured, start))
            status = "ACTIVE" if start > until - timedelta(365) and random.random() < 0.85 else random.choice(_STATUS)
            agent = int(random.choice(AGENTS, p=agent_shares)) + 1
            rows.append(
                (
                    len(policies), number, dirt.orphan(client.id, 0.003), dirt.orphan(agent, 0.004), product + 1,
                    dirt.number(premium), dirt.number(insured), dirt.missing(dirt.spelling(str(status)), 0.01),
                    dirt.date(str(start)), dirt.date(str(start + timedelta(365))),
                )
            )  # fmt: skip
    columns = ("id", "policy_number", "customer_id", "agent_id", "product_id", "premium", "sum_insured", "status",
               "start_date", "end_date")  # fmt: skip
    return policies, {"postgresql/products": _products(), "postgresql/policies": (columns, rows)}


def _products() -> Table:
    rows: list[tuple[object, ...]] = [
        (number, f"PR-{number:02d}", name, kind, premium if number != 9 else "", f"Seguro {name}" if number % 4 else "")
        for number, (kind, name, premium) in enumerate(_PRODUCTS, 1)
    ]
    return ("id", "code", "name", "product_type", "base_premium", "description"), rows


def _coverage(policies: Sequence[Policy], random: np.random.Generator) -> Table:
    dirt = Dirt("coverage")
    rows: list[tuple[object, ...]] = []
    for number, policy in enumerate(policies, 1):
        names = random.choice(_COVERAGES, size=random.choice([0, 1, 2, 3], p=[0.05, 0.4, 0.35, 0.2]), replace=False)
        for name in names:
            limit = round(policy.insured * random.uniform(0.2, 1.0), 2)
            deductible = round(limit * random.choice([0.0, 0.05, 0.1, 0.15]), 2)
            rows.append((number, dirt.spelling(str(name)), dirt.number(limit), dirt.number(deductible)))
    return ("policy_id", "coverage_name", "coverage_limit", "deductible"), rows


def _beneficiaries(policies: Sequence[Policy], random: np.random.Generator) -> Table:
    rows: list[tuple[object, ...]] = [
        (number, policy.client.id, f"Familiar de {policy.client.name}", random.choice(["CONYUGE", "HIJO", "HIJA"]))
        for number, policy in enumerate(policies, 1)
        if policy.kind == "VIDA"
    ]
    return ("policy_id", "client_id", "full_name", "relationship"), rows


def _claims(policies: Sequence[Policy], until: date, random: np.random.Generator) -> Table:
    dirt = Dirt("claims")
    rows: list[tuple[object, ...]] = []
    for policy in policies:
        yearly, share = _RISK[policy.kind]
        lived = min((until - policy.start).days, 365 * 2)
        for _ in range(random.poisson(yearly * lived / 365)):
            day = policy.start + timedelta(int(random.uniform(0, lived)))
            amount = round(policy.insured * share * random.lognormal(-0.3, 0.8), 2)
            estado = str(random.choice(_ESTADOS, p=[0.56, 0.17, 0.17, 0.1]))
            number = dirt.missing(policy.number, 0.006) if random.random() > 0.004 else "POL-999999"
            when = f"{day}T{random.integers(8, 20):02d}:{random.integers(60):02d}:00Z"
            rows.append((len(rows) + 1, number, dirt.missing(estado, 0.01), dirt.number(amount), dirt.date(when)))
    return ("id", "policy_number", "estado", "monto", "fecha_reclamo"), rows


def _payments(policies: Sequence[Policy], until: date, random: np.random.Generator) -> Table:
    dirt = Dirt("payments")
    rows: list[tuple[object, ...]] = []
    for policy in policies:
        method = str(random.choice(_METHODS, p=[0.4, 0.2, 0.12, 0.18, 0.1]))
        day = policy.start
        # Premiums are paid monthly for a year at most; one in twenty is late or never comes.
        for _ in range(12):
            if day > until or random.random() < 0.03:
                break
            when = f"{day}T{random.integers(7, 23):02d}:{random.integers(60):02d}:00Z"
            paid = dirt.number(policy.premium)
            client = dirt.orphan(policy.client.id, 0.002)
            rows.append((len(rows) + 1, client, policy.number, paid, dirt.missing(method, 0.01), dirt.date(when)))
            day += timedelta(int(random.choice([30, 30, 31, 38])))
    return ("id", "customer_id", "policy_number", "monto", "metodo_pago", "fecha_pago"), rows


def _audit(until: date, random: np.random.Generator) -> Table:
    dirt = Dirt("audit")
    hours = np.array([1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 17, 13, 12, 16, 17, 16, 14, 10, 7, 5, 4, 2, 1], dtype=float)
    services, weights = list(_SERVICES), np.array(list(_SERVICES.values()), dtype=float)
    seconds = np.sort(
        random.integers(_AUDIT_DAYS, size=AUDIT_EVENTS) * 86_400
        + random.choice(24, size=AUDIT_EVENTS, p=hours / hours.sum()) * 3600
        + random.integers(3600, size=AUDIT_EVENTS)
    )
    first = np.datetime64(until - timedelta(_AUDIT_DAYS - 1), "s")
    rows: list[tuple[object, ...]] = []
    for second in seconds:
        service = str(random.choice(services, p=weights / weights.sum()))
        operation = random.choice(_OPERATIONS, p=[0.38, 0.1, 0.12, 0.2, 0.13, 0.02, 0.03, 0.02])
        user = dirt.missing(int(random.integers(1, USERS + 1)), 0.01)
        when = dirt.date(f"{first + np.timedelta64(int(second), 's')}Z", missing=0.002, broken=0.001)
        rows.append((when, dirt.missing(service, 0.004), operation, user))
    return ("timestamp", "servicio", "operacion", "user_id"), rows
