"""The typed values of a batch and the rows that have none, by one DuckDB query over all columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ingest_service.conversion.number_styles import EXPONENT, count_sql, decimal_sql
from ingest_service.conversion.profile import FileProfile
from ingest_service.record_keys import LONGEST_KEY, LONGEST_REFERENCE
from ingest_service.targets import TARGETS, Target

_LARGEST_COUNT = 2**31 - 1
_LONGEST = {
    **dict.fromkeys(("id_externo", "post", "responde_a"), LONGEST_REFERENCE),
    **dict.fromkeys(("tipo_contenido", "plataforma", "idioma", "autor"), 200),
    "id_cuenta": 500,
}
_WORD = r"[\p{L}\p{N}\p{M}_]"
# Most texts have neither sign, and to look for a sign takes a small part of what a pattern takes.
_TAG = rf"#{_WORD}+"
_MENTION = rf"(?:^|[^\p{{L}}\p{{N}}\p{{M}}_])@{_WORD}+"
_HASHTAGS = f"if(contains(contenido, '#'), array_to_string(regexp_extract_all(contenido, '{_TAG}'), ' '), '')"
_MENTIONS = f"if(contains(contenido, '@'), len(regexp_extract_all(contenido, '{_MENTION}')), 0)"


@dataclass(frozen=True)
class Fault:
    """What can be wrong with a row: SQL that tells it, the target at fault, and the reason in words."""

    condition: str
    target: str
    reason: str


@dataclass(frozen=True)
class TypedBatch:
    """Good rows with typed columns; of the bad ones the raw batch and the number of each one's fault."""

    good: pa.Table
    bad: pa.Table
    bad_faults: list[int]


class TypedRows:
    """Converts batches of one file. `cell_of` names each target's raw column."""

    def __init__(self, kind: str, cell_of: Mapping[str, str], profile: FileProfile) -> None:
        self._profile = profile
        self._cell_of = dict(cell_of)
        self._targets = TARGETS[kind]
        self.faults = self._all_faults(kind)
        self._query = self._build(kind)

    def convert(self, connection: duckdb.DuckDBPyConnection, batch: pa.Table) -> TypedBatch:
        """Converts a batch with a column `id_usuario` besides the raw cells (NULL: not the tenant's account)."""
        connection.register("batch", batch)
        typed = connection.sql(self._query).to_arrow_table()
        connection.unregister("batch")
        fault = typed.column("fault")
        is_good = pc.is_null(fault)
        bad = pc.invert(is_good)
        if not pc.any(bad).as_py():
            return TypedBatch(typed.drop_columns(["fault"]), batch.slice(0, 0), [])
        return TypedBatch(
            typed.filter(is_good).drop_columns(["fault"]), batch.filter(bad), fault.filter(bad).to_pylist()
        )

    def _build(self, kind: str) -> str:
        cells, values = [], []
        for target in self._targets:
            raw = self._cell_of.get(target.name)
            if raw is not None:
                # Texts of a post stay as they are; what is read as a number or a time has no outer spaces.
                cells.append(
                    f"{raw} AS x_{target.name}"
                    if target.form == "text"
                    else f"trim({raw}, {_SPACES}) AS x_{target.name}"
                )
            values.append(f"{self._value(target)} AS {target.name}")
        faults = " ".join(f"WHEN {fault.condition} THEN {number}" for number, fault in enumerate(self.faults))
        finals = ", ".join(_final(target) for target in self._targets)
        keys = _KEYS.get(kind, "")
        filled = _FOUND_IN_TEXT if kind == "posts" else "*"
        for name in ("hashtags", "menciones"):
            if name in self._cell_of:
                filled = filled.replace(f"{_found(name)} AS {name}", f"{name} AS {name}")
        return (
            f"WITH cells AS (SELECT line, id_usuario, {', '.join(cells)} FROM batch), "  # noqa: S608
            f"valued AS (SELECT *, {', '.join(values)} FROM cells), "
            f"filled AS (SELECT {filled} FROM valued) "
            f"SELECT line, id_usuario, {finals}{keys}, CASE {faults} END AS fault FROM filled"
        )

    def _value(self, target: Target) -> str:
        cell = f"x_{target.name}"
        if target.name not in self._cell_of:
            return _absent(target)
        if target.form == "text":
            return cell
        if target.form == "time":
            return self._profile.times[target.name].sql(cell)
        style = self._profile.numbers[target.name].style
        if target.form == "count":
            return count_sql(cell, style)
        if target.form == "percentage":
            return f"TRY_CAST({decimal_sql(cell, style, EXPONENT)} AS DOUBLE)"
        return decimal_sql(cell, style)

    def _all_faults(self, kind: str) -> list[Fault]:
        faults = []
        if kind != "transactions":
            faults.append(Fault("id_usuario IS NULL", "account", "not an account of the tenant"))
            # Accounts that nothing may be brought into are given by negative numbers.
            faults.append(Fault("id_usuario < 0", "account", "the account is not active"))
        for target in self._targets:
            if target.name in self._cell_of:
                faults += _faults_of(target, self._profile)
        return faults


_SPACES = "' \t\u00a0\u202f'"


def _absent(target: Target) -> str:
    if target.default is None:
        return "CAST(NULL AS DOUBLE)"
    return f"'{target.default}'" if target.form == "text" else f"CAST({target.default} AS DOUBLE)"


def _final(target: Target) -> str:
    if target.form == "count":
        empty = f"coalesce({target.name}, {target.default})" if target.default is not None else target.name
        return f"TRY_CAST({empty} AS INTEGER) AS {target.name}"
    return target.name


def _faults_of(target: Target, profile: FileProfile) -> list[Fault]:
    name, cell = target.name, f"x_{target.name}"
    faults = []
    if target.required and not target.may_be_empty:
        faults.append(Fault(f"{cell} = ''", name, "is empty"))
    if target.form == "text":
        faults.append(Fault(f"contains({cell}, chr(0))", name, "has a NUL character"))
        if longest := _LONGEST.get(name):
            faults.append(Fault(f"length({cell}) > {longest}", name, f"is longer than {longest} characters"))
        return faults
    kind = "time" if target.form == "time" else "number"
    missing = f"{cell} <> '' AND {name} IS NULL"
    if target.form == "count":
        broken = decimal_sql(cell, profile.numbers[name].style)
        faults.append(Fault(f"{missing} AND {broken} IS NOT NULL", name, "not a whole number"))
    faults.append(Fault(missing, name, f"not a {kind}"))
    if target.form == "time":
        early_or_late = f"{name} NOT BETWEEN TIMESTAMPTZ '1900-01-01 00:00:00Z' AND TIMESTAMPTZ '2200-01-01 00:00:00Z'"
        faults.append(Fault(early_or_late, name, "a time before 1900 or after 2199"))
    if target.form == "count":
        faults.append(Fault(f"{name} < 0", name, "below zero"))
        faults.append(Fault(f"{name} > {_LARGEST_COUNT}", name, f"more than {_LARGEST_COUNT}"))
        faults.append(Fault(f"{name} <> floor({name})", name, "not a whole number"))
    if target.form == "percentage":
        faults.append(Fault(f"{name} NOT BETWEEN -1e9 AND 1e9", name, "not a share in per cent"))
    return faults


def _found(name: str) -> str:
    """SQL for what stands in the text where no column tells it."""
    return {"hashtags": _HASHTAGS, "menciones": _MENTIONS}[name]


_FOUND_IN_TEXT = f"* REPLACE ({_found('hashtags')} AS hashtags, {_found('menciones')} AS menciones)"


def _key(without_id: str) -> str:
    """SQL for the key of a row: the source's id, else a hash; `record_keys.reference_key` says the same in Python."""
    return (
        f"CASE WHEN id_externo = '' THEN '~' || left(sha256({without_id}), 32) "
        f"WHEN length(id_externo) > {LONGEST_KEY} THEN '~~' || left(sha256(id_externo), 32) ELSE id_externo END"
    )


# Without an id of the source, account, time and text make the same post.
_POST_KEY = _key("CAST(epoch_us(fecha_publicacion) AS VARCHAR) || chr(10) || contenido")
# The lengths tell where post and author end.
_COMMENT_KEY = _key("concat_ws(':', length(post), length(autor), epoch_us(fecha)) || chr(10) || post || autor || texto")
# Equal keys have equal hashes, so a new hash tells a new key.
_KEYS = {
    "posts": f", {_POST_KEY} AS clave, hash(id_usuario, clave) AS key_hash",
    "metrics": ", hash(id_usuario, epoch_us(hora)) AS key_hash",
    "comments": f", {_COMMENT_KEY} AS clave, hash(id_usuario, clave) AS key_hash",
}
