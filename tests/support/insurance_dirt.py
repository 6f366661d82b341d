"""Dirt as exports, people and other systems leave it, spread over every column of a table."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
Columns = dict[str, Texts]
Random = np.random.Generator
Change = Callable[[str], str]

# Which share of a column's cells each change takes.
_SHARE = 0.012

_TIMES = ("created_at", "birth_date", "start_date", "issue_date", "end_date", "fecha", "fecha_pago", "fecha_reclamo",
          "timestamp")  # fmt: skip
_NUMBERS = ("base_premium", "premium", "sum_insured", "coverage_limit", "deductible", "monto")

_MISSING = ("", " ", "\u00a0", "\t\v\f", "\r\n")
_JUNK = ("NULL", "NaN", "N/A", "?", "\u2014")
_NO_NUMBERS = ("1_000", "12,5", "1e999", "-Infinity", "0x10", "S/ 20", "--5", ".", "1e", "\u0661\u0662")
_NO_TIMES = ("2024-1-5", "2024-02-30", "2024-13-01", "2024-01-01T24:00:00", "2024-01-01T10:00:00 UTC", "05/01/2024",
             "2024-01-01Z", "2024-01-01T10:00+24:00", "20240105")  # fmt: skip
_FUTURE = ("2099-01-01", "2024-11-30T00:00:00", "2024-10-05T12:00:01Z")
_ZONES = ("Z", "-05:00", "+0530", "+14", "-00:30")
_AMOUNTS = ("-5", "0", "1e3", "+7.", ".5", "-1.25", "250.00", "1E-2", "99.99")
_YES_AND_NO = ("T", "Yes", "y", "si", "SÍ", "1", "F", "NO", "n", "0")
# Other words of the same meaning, and neighbours of the names that count.
_WORDS = {
    "status": ("Activa", "vigente", "ACTIVO", "canceled", "Cancelada", "anulado", "ANULADA", "cancelado", "active "),
    "estado": ("APROBADA", "approved", "Aprobado", "REJECTED", "rechazada", "Pendiente", "APROBADO\u00a0"),
    "operacion": ("Payment_Error", "failover", "terror", "login failed", "OK"),
    "email": (
        "USUARIO1@CORREO.PE",
        "usuario1@correo.pe ",
        "a@b",
        "@correo.pe",
        "a b@c.pe",
        "a@b@c.pe",
        "x@y.",
        "ñ@b.pe",
    ),
    "phone": ("12345", "+51 999 888 777", "1234567890123456", "(01) 555-0101", "sin número", "123456", "9" * 15),
}


def dirty_lines(columns: Columns, random: Random) -> tuple[list[str], list[list[str]]]:
    """A header and its rows: some of them twice, moved, short or long, with spoiled names and cells."""
    rows = len(next(iter(columns.values())))
    # A row that comes again is spoiled anew, so that one key stands with different values.
    order = np.sort(np.concatenate([np.arange(rows), random.integers(0, rows, rows // 20 + 2)]))
    names = [list(columns)[place] for place in random.permutation(len(columns))]
    spoiled = [_spoiled(name, columns[name][order], random) for name in names]
    lines = [list(line) for line in zip(*spoiled, strict=True)]
    for place in _some(random, len(lines), 0.01):
        del lines[place][int(random.integers(1, len(names) + 1)) :]
    for place in _some(random, len(lines), 0.01):
        lines[place].extend(["more"] * (len(names) + 2 - len(lines[place])))
    header = [_as(name, random) for name in names]
    return ([*header, "Observaciones, otras"], lines)


def _as(name: str, random: Random) -> str:
    return (name, f" {name.upper()} ", name.title(), f"{name}\t")[int(random.integers(0, 4))]


def _spoiled(name: str, values: Texts, random: Random) -> list[str]:
    result = values.copy()
    for change in _changes(name, random):
        for place in _some(random, len(result), _SHARE):
            result[place] = change(result[place])
    return list(result)


def _some(random: Random, count: int, share: float) -> list[int]:
    return [int(place) for place in np.flatnonzero(random.random(count) < share)]


def _changes(name: str, random: Random) -> list[Change]:
    def one_of(values: tuple[str, ...]) -> Change:
        return lambda value: values[int(random.integers(0, len(values)))]

    common = [one_of(_MISSING), one_of(_JUNK), str.lower, str.upper, lambda value: f"  {value}\t", "\u00a0{}\n".format]
    if name in _TIMES:
        return [*common, one_of(_NO_TIMES), one_of(_FUTURE), *_other_times(random)]
    if name in _NUMBERS:
        return [*common, one_of(_NO_NUMBERS), one_of(_AMOUNTS), one_of(_AMOUNTS), "+{}".format, "{}e0".format]
    if name == "is_active":
        return [*common, *[one_of(_YES_AND_NO)] * 5, one_of(("2", "verdadero", "truee", "1.0"))]
    if name in ("id", "policy_number") or name.endswith("_id") or name == "id_cuenta":
        return [*common, "{}.0".format, "0{}".format, one_of(("nobody", "17.0", "0.00", "-3.0")), "{}.00".format]
    words = [one_of(_WORDS[name])] * 4 if name in _WORDS else []
    return [*common, *words, str.title, str.swapcase, '{}, "así"'.format, "{}\ufffd".format]


def _other_times(random: Random) -> list[Change]:
    def with_zone(value: str) -> str:
        return value + _ZONES[int(random.integers(0, len(_ZONES)))] if "T" in value else f"{value}T23:30:00-05:00"

    def with_fraction(value: str) -> str:
        return value.replace("T", " ") + ".250049" if "T" in value else f"{value} 00:00"

    return [with_zone, with_fraction, lambda value: value[:16], lambda value: value[:10]]
