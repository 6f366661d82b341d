"""How a text becomes a value, as SQL expressions that DuckDB runs in bulk: the one place of the lake's parse rules."""

from collections.abc import Callable, Mapping

from analytics_service.datasets import Dataset, Kind

# Space, tab, line feed, vertical tab, form feed, carriage return, no-break space.
_WHITE_SPACE = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160)"

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
_OFFSET = r"[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?"
_UTC_TIME = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]{_CLOCK}Z?)?"
_OFFSET_TIME = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}{_OFFSET}"

_TRUE = "'true', 't', 'yes', 'y', 'si', 'sí', '1'"
_FALSE = "'false', 'f', 'no', 'n', '0'"


def decoded(value: str) -> str:
    """The text of bytes; of those that are not UTF-8 what is not plain ASCII becomes U+FFFD."""
    return rf"coalesce(try(decode({value})), regexp_replace({value}::VARCHAR, '\\x[0-9A-F]{{2}}', chr(65533), 'g'))"


def trimmed(text: str) -> str:
    """The text without white space around it; NULL where nothing is left."""
    # Comparing is many times as fast as trimming every cell: white space stands before every other character, except
    # for the no-break space.
    edges = f"{text} < '!' OR ({text})[-1] < '!' OR ({text})[-1] = chr(160) OR {text} >= chr(160) AND {text} < chr(161)"
    return f"nullif(CASE WHEN {edges} THEN trim({text}, {_WHITE_SPACE}) ELSE {text} END, '')"


def identifier(text: str) -> str:
    """An id as text; what a float made `17.0` is `17` again."""
    # Most ids have no point, or begin with no digit, which is seen in a fraction of the time.
    is_float = f"{text} < ':' AND contains({text}, '.') AND regexp_full_match({text}, '-?[0-9]+\\.0+')"
    return f"CASE WHEN {is_float} THEN split_part({text}, '.', 1) ELSE {text} END"


def number(text: str) -> str:
    """A finite number."""
    return f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') THEN {_finite(f'try_cast({text} AS DOUBLE)')} END"


def time(text: str) -> str:
    """A time as TIMESTAMP in UTC, within the years 1 to 9999."""
    # The session's time zone is UTC, and the cast to TIMESTAMPTZ is the one that heeds an offset.
    shifted = f"make_timestamp(epoch_us(try_cast({text} AS TIMESTAMPTZ)))"
    first, last = "TIMESTAMP '0001-01-01'", "TIMESTAMP '9999-12-31 23:59:59.999999'"
    return (
        f"CASE WHEN {text} < '0001' THEN NULL"
        f" WHEN regexp_full_match({text}, '{_UTC_TIME}') THEN try_cast({text} AS TIMESTAMP)"
        f" WHEN regexp_full_match({text}, '{_OFFSET_TIME}') AND {shifted} BETWEEN {first} AND {last} THEN {shifted} END"
    )


def boolean(text: str) -> str:
    """A yes or a no, in Spanish or English."""
    return f"CASE WHEN lower({text}) IN ({_TRUE}) THEN true WHEN lower({text}) IN ({_FALSE}) THEN false END"


def typed_table(dataset: Dataset, texts: Mapping[str, str], source: str, *, is_trimmed: bool = False) -> str:
    """The query that reads `source` as the dataset's typed table; `texts` says where each column's text stands.

    Each column that can fail has a `_bad` beside it, true where a value is there and does not parse; `_text` is the
    trimmed text itself, where the dataset keeps it. Where it is known that no text has white space around it,
    `is_trimmed` spares looking.
    """
    trim = _not_empty if is_trimmed else trimmed
    trims = [f'{trim(text)} AS "{name}_text"' for name, text in texts.items()]
    values, kept = [], []
    for column in dataset.columns:
        parsed = _PARSERS[column.kind](f'"{column.name}_text"') if column.name in texts else "NULL"
        values.append(f'({parsed})::{_TYPES[column.kind]} AS "{column.name}"')
        kept.append(f'"{column.name}"')
        there = f'"{column.name}_text"' if column.name in texts else "NULL::VARCHAR"
        if column.kind.can_fail:
            kept.append(f'({there} IS NOT NULL AND "{column.name}" IS NULL) AS "{column.name}_bad"')
        if column.keep_text:
            kept.append(f'{there} AS "{column.name}_text"')
    row = ", ".join(trims) or "1 AS nothing"
    return f"SELECT {', '.join(kept)} FROM (SELECT *, {', '.join(values)} FROM (SELECT {row} FROM {source}))"  # noqa: S608


def _not_empty(text: str) -> str:
    return f"nullif({text}, '')"


def _finite(value: str) -> str:
    return f"CASE WHEN isfinite({value}) THEN {value} END"


_PARSERS: Mapping[Kind, Callable[[str], str]] = {
    Kind.ID: identifier,
    Kind.TEXT: str,
    Kind.NUMBER: number,
    Kind.TIME: time,
    Kind.BOOLEAN: boolean,
}
_TYPES = {
    Kind.ID: "VARCHAR",
    Kind.TEXT: "VARCHAR",
    Kind.NUMBER: "DOUBLE",
    Kind.TIME: "TIMESTAMP",
    Kind.BOOLEAN: "BOOLEAN",
}
