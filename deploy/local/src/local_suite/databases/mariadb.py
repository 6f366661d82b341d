"""MariaDB from the system's packages."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymysql

from local_suite.databases.server import CannotBeHad, DatabaseServer, is_root, run_tool


class MariaDb(DatabaseServer):
    """A MariaDB server; its superuser is this machine's, by the socket in the folder."""

    name = "MariaDB"

    def prepare(self) -> None:
        # What a killed server left.
        self._socket.unlink(missing_ok=True)
        if not all(map(shutil.which, ("mariadbd", "mariadb-install-db", "my_print_defaults"))):
            message = "MariaDB is not installed: apt-get install mariadb-server-core mariadb-client-core brings it."
            raise CannotBeHad(message)
        if not (self.folder / "data" / "mysql").exists():
            run_tool(
                self.name,
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.folder / 'data'}",
                *self._as_root(),
                "--auth-root-authentication-method=socket",
                "--skip-test-db",
            )

    def command(self) -> Sequence[str | Path]:
        return [
            str(shutil.which("mariadbd")),
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self._socket}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=64M",
            "--innodb-flush-log-at-trx-commit=2",
            *self._as_root(),
        ]

    def answers(self) -> bool:
        if not self._socket.exists():
            return False
        try:
            self.connect().close()
        except pymysql.MySQLError:
            return False
        return True

    def connect(self, database: str | None = None) -> Any:
        """Gives a connection of the superuser, outside of transactions."""
        return pymysql.connect(
            unix_socket=str(self._socket), user="root", database=database, charset="utf8mb4", autocommit=True
        )

    def _as_root(self) -> list[str]:
        return ["--user=root"] if is_root() else []

    @property
    def _socket(self) -> Path:
        # A socket's path must be short, whatever the folder's is.
        return Path("/tmp") / f"atalaya-mariadb-{self.port}.sock"  # noqa: S108
