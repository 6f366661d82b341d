"""PostgreSQL from the system's packages, or else from the suite's own wheel."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from local_suite.databases.server import CannotBeHad, DatabaseServer, is_root, run_tool
from local_suite.postgres import binaries
from local_suite.process import NOBODY

_DEBIAN = Path("/usr/lib/postgresql")


class PostgreSql(DatabaseServer):
    """A PostgreSQL server; its superuser is this machine's, by the socket."""

    name = "PostgreSQL"

    @property
    def programs(self) -> Path:
        """The folder with the server's programs."""
        debian = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        return debian[-1].parent if debian else binaries()

    def user(self) -> int:
        return NOBODY if is_root() else 0

    def prepare(self) -> None:
        data, sockets = self.folder / "data", self._sockets
        for folder in (data, sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.user():
                os.chown(folder, self.user(), self.user())
        if not (data / "PG_VERSION").exists():
            words = ("--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8")
            run_tool(self.name, self.programs / "initdb", "-D", data, "--locale=C.UTF-8", *words, user=self.user())
        version = (data / "PG_VERSION").read_text().strip()
        if version not in str(self.programs):
            raise CannotBeHad(f"PostgreSQL: {data} was written by version {version}, which is not installed.")

    def command(self) -> Sequence[str | Path]:
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": 20}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.programs / "postgres", "-D", self.folder / "data", "-k", self._sockets, *options]

    def answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        """Gives a connection of the superuser, outside of transactions."""
        return psycopg.connect(
            host=str(self._sockets),
            port=self.port,
            user="postgres",
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    @property
    def _sockets(self) -> Path:
        return Path("/tmp") / f"atalaya-postgresql-{self.port}"  # noqa: S108
