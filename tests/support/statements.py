"""What a service sends to its database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@contextmanager
def statements_sent() -> Iterator[list[str]]:
    """Notes the statements that are run meanwhile, with BEGIN and COMMIT, by whatever library. Ids are left out."""
    sent: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def noting(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        sent.append(_UUID.sub("…", query.decode() if isinstance(query, bytes) else str(query)))
        return await execute(self, query, *arguments, **options)

    psycopg.AsyncCursor.execute = noting  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        psycopg.AsyncCursor.execute = execute  # type: ignore[method-assign]
