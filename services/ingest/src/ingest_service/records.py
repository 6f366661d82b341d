"""Posts and metrics of an account, as callers ask for them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from service_runtime.database import Database
from service_runtime.errors import InvalidArgument
from service_runtime.identity import Identity

from ingest_service.account_store import AccountStore
from ingest_service.post_store import Page, PostStore, Window
from ingest_service.sight import account_forbidden, callers_sight
from ingest_service.texts import refuse_nul

_POST_KEYS = (
    "id_publicacion",
    "id_usuario",
    "contenido",
    "fecha_publicacion",
    "likes",
    "comentarios",
    "compartidos",
    "tipo_contenido",
    "hashtags",
    "menciones",
)
_METRIC_KEYS = (
    "id_metrica",
    "id_usuario",
    "seguidores",
    "siguiendo",
    "publicaciones_totales",
    "engagement_rate",
    "engagement",
    "alcance_promedio",
    "impresiones",
    "hora",
)
_NEWEST_KEYS = (
    "cuenta",
    "id_usuario",
    "seguidores",
    "engagement_rate",
    "hora",
    "plataforma",
    "siguiendo",
    "publicaciones_totales",
    "alcance_promedio",
    "impresiones",
)
_EVERY_ACCOUNT = 2**31 - 1


class Records:
    """Posts and metrics of accounts that the caller may see."""

    def __init__(self, database: Database, accounts: AccountStore, store: PostStore) -> None:
        self._database = database
        self._accounts = accounts
        self._store = store

    async def posts(self, caller: Identity, username: str, window: Window) -> Page:
        refuse_nul({"tipo_contenido": window.tipo_contenido})
        return await self._store.posts(caller.tenant_id, await self._number(caller, username), window)

    async def metrics(self, caller: Identity, username: str, window: Window) -> Page:
        page = await self._store.metrics(caller.tenant_id, await self._number(caller, username), window)
        return Page([{**row, "engagement": row["engagement_rate"]} for row in page.rows], page.total)

    async def newest_metrics(self, caller: Identity) -> list[Mapping[str, Any]]:
        """Gives the newest reading of every account in sight that has one, by the account's name."""
        async with self._database.tenant_session(caller.tenant_id) as session:
            accounts = await self._accounts.page(session, callers_sight(caller), "", _EVERY_ACCOUNT)
            found = await self._store.newest_metrics(session, [account.id_usuario for account in accounts])
        return [
            {"cuenta": account.username, "plataforma": account.platform, **found[account.id_usuario]}
            for account in accounts
            if account.id_usuario in found
        ]

    async def _number(self, caller: Identity, username: str) -> int:
        async with self._database.tenant_session(caller.tenant_id) as session:
            for account in (await self._accounts.find(session, [username], callers_sight(caller))).values():
                return account.id_usuario
        raise account_forbidden(username)


def window(
    first: str, last: str, timezone: str, *, limit: int, offset: int, tipo_contenido: str = "", order: str = ""
) -> Window:
    """Makes the window of days in the tenant's time zone, both included; either may be empty."""
    since, before = days(first, last, timezone, ("desde", "hasta"))
    return Window(since, before, tipo_contenido, limit, offset, order)


def days(first: str, last: str, timezone: str, names: tuple[str, str]) -> tuple[datetime | None, datetime | None]:
    """Gives when the days begin and when they are over; `names` are what the caller knows the two days by."""
    first_day, last_day = _day(first, names[0]), _day(last, names[1])
    if first_day and last_day and first_day > last_day:
        raise InvalidArgument("DATE_RANGE_REVERSED", f"{names[0]} is after {names[1]}.")
    zone = ZoneInfo(timezone)
    since = datetime(first_day.year, first_day.month, first_day.day, tzinfo=zone) if first_day else None
    before = None
    if last_day and last_day < date.max:
        after = last_day + timedelta(days=1)
        before = datetime(after.year, after.month, after.day, tzinfo=zone)
    return since, before


def _day(day: str, name: str) -> date | None:
    try:
        return date.fromisoformat(day) if day else None
    except ValueError as error:
        raise InvalidArgument("BAD_DATE", f"{name} is not a day of the calendar.", **{name: day}) from error


def posts_json(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Gives posts as a JSON array with the documented keys, and `id` besides."""
    return _json([{**{key: row[key] for key in _POST_KEYS}, "id": row["id_publicacion"]} for row in rows])


def metrics_json(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Gives metrics as a JSON array; what has no value is absent."""
    return _json([{key: row[key] for key in _METRIC_KEYS if row[key] is not None} for row in rows])


def newest_metrics_json(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Gives the newest readings of accounts as a JSON array; what has no value is absent."""
    return _json([{key: row[key] for key in _NEWEST_KEYS if row[key] is not None} for row in rows])


def _json(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=_time_text).encode()


def _time_text(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(type(value).__name__)
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"
