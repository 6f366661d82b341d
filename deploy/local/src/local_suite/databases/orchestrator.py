"""Brings the insurer's databases up, makes their schemas, fills them, and shows their way into the lake."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_suite.credentials import password
from local_suite.databases import filling
from local_suite.databases.cassandra import Cassandra
from local_suite.databases.mariadb import MariaDb
from local_suite.databases.postgresql import PostgreSql
from local_suite.databases.schemas import DATABASE, tables_of
from local_suite.databases.server import DatabaseServer
from local_suite.demo.insurance import insurance_tables
from local_suite.demo.last_day import last_day
from local_suite.errors import BadSetting, SuiteError
from local_suite.home import Home

KINDS = ("mysql", "postgresql", "cassandra")
# Where the suite's ingest lets sources be, besides the databases' own ports.
PORTS = {"mysql": 13306, "postgresql": 15432, "cassandra": 19042}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Database:
    """A server, and how its schema is made and filled."""

    server: DatabaseServer
    set_up: Callable[[Any, str], None]
    fill: Callable[[Any, dict[str, Any]], int]


class Orchestrator:
    """The three databases of one home."""

    def __init__(self, home: Home, environment: Mapping[str, str], say: Say) -> None:
        self._home = home
        self._environment = environment
        self._say = say
        folder = home.path / "databases"
        ports = {kind: _port(environment, kind) for kind in KINDS}
        jars = Path(environment.get("CASSANDRA_JARS") or folder / "cassandra-jars")
        self.databases: dict[str, Database] = {
            "mysql": Database(MariaDb(folder / "mysql", ports["mysql"]), filling.set_up_mysql, filling.fill_mysql),
            "postgresql": Database(
                PostgreSql(folder / "postgresql", ports["postgresql"]),
                filling.set_up_postgresql,
                filling.fill_postgresql,
            ),
            "cassandra": Database(
                Cassandra(folder / "cassandra", ports["cassandra"], jars),
                filling.set_up_cassandra,
                filling.fill_cassandra,
            ),
        }

    def run(self, command: str, kinds: Sequence[str]) -> bool:
        """Runs a command on each of the databases; tells whether all of them could be had."""
        if command == "down":
            for kind in kinds:
                server = self.databases[kind].server
                self._say(f"{server.name} has stopped." if server.stop() else f"{server.name} did not run.")
            return True
        ready = [kind for kind in kinds if self._try(command, kind)]
        if command == "show":
            from local_suite.databases.showing import show

            show(self._home, self._environment, {kind: self.url(kind) for kind in ready}, self._say)
        return len(ready) == len(kinds)

    def url(self, kind: str) -> str:
        """The URL by which ingest reads a database."""
        server = self.databases[kind].server
        return f"{kind}://{filling.READER}:{self._password(kind)}@127.0.0.1:{server.port}/{DATABASE}"

    def _try(self, command: str, kind: str) -> bool:
        database = self.databases[kind]
        try:
            database.server.start()
            self._say(f"{database.server.name} runs on 127.0.0.1:{database.server.port}.")
            if command == "up":
                return True
            database.set_up(database.server, self._password(kind))
            self._say(f"{database.server.name}: the database {DATABASE} has {', '.join(tables_of(kind))}.")
            if command == "setup":
                return True
            rows = database.fill(database.server, self._generated())
            self._say(f"{database.server.name}: {rows} rows are there.")
        except SuiteError as error:
            self._say(f"Left out: {error}")
            return False
        return True

    def _generated(self) -> dict[str, Any]:
        return dict(insurance_tables(last_day(self._home, self._environment)))

    def _password(self, kind: str) -> str:
        return password(self._home, f"source_{kind}")


def _port(environment: Mapping[str, str], kind: str) -> int:
    name = f"SOURCE_{kind.upper()}_PORT"
    text = environment.get(name) or str(PORTS[kind])
    if not text.isdecimal() or not 1024 <= int(text) <= 65534:
        raise BadSetting(f"{name} must be a port from 1024 to 65534, not {text!r}.")
    return int(text)
