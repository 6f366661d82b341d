"""Databases of a test's own on the servers that sources are tested with."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local_suite.databases.mariadb import MariaDb


@dataclass
class MariaDbSource:
    """A database and a user who may only read it."""

    server: MariaDb
    name: str
    password: str

    @property
    def url(self) -> str:
        return f"mysql://{self.name}:{self.password}@127.0.0.1:{self.server.port}/{self.name}"

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Changes the database as its owner; gives the rows of the last statement."""
        rows: Sequence[tuple[Any, ...]] = ()
        with self.server.connect(self.name) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            rows = cursor.fetchall()
        return list(rows)

    def both(self, *statements: str) -> None:
        """Does several changes in one transaction."""
        with self.server.connect(self.name) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            for statement in statements:
                cursor.execute(statement)
            connection.commit()


def new_mariadb_source(server: MariaDb) -> MariaDbSource:
    made = MariaDbSource(server, f"shop_{secrets.token_hex(4)}", secrets.token_hex(8))
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {made.name}")
        cursor.execute(f"CREATE USER {made.name}@'127.0.0.1' IDENTIFIED BY '{made.password}'")
        cursor.execute(f"GRANT SELECT ON {made.name}.* TO {made.name}@'127.0.0.1'")
    return made
