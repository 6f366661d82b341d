"""Where one suite keeps everything: its data folder and, since socket paths must be short, a folder for sockets."""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service_runtime.full_disk import FULL

from local_suite.errors import BadSetting, NewerData, SuiteError

# Raised when a release lays out the folder in a way that the previous one cannot use.
DATA_VERSION = 1
SOCKETS_ROOT = Path("/tmp")  # noqa: S108 - a socket's path may have 107 bytes; the folder below is 0700 and ours.


@dataclass(frozen=True)
class Home:
    """The folders of one suite and the one TCP port it answers on."""

    path: Path
    port: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Home":
        """The home that ATALAYA_HOME and ATALAYA_PORT name; by default .atalaya here and 8000."""
        port = environment.get("ATALAYA_PORT") or "8000"
        if not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise BadSetting(f"ATALAYA_PORT must be a port from 1 to 65535, not {port!r}.")
        return cls(Path(environment.get("ATALAYA_HOME") or ".atalaya").absolute(), int(port))

    @property
    def url(self) -> str:
        """Where REST, gRPC and the docs answer."""
        return f"http://localhost:{self.port}"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def lake(self) -> Path:
        return self.path / "lake"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def traces(self) -> Path:
        return self.path / "traces"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def mails(self) -> Path:
        """The file that mails go to where no mail server is set."""
        return self.path / "mail" / "outbox.mbox"

    @property
    def demo_logins(self) -> Path:
        """The file with the demo's users and passwords, once the demo is loaded."""
        return self.secrets / "demo-logins"

    @property
    def sockets(self) -> Path:
        """The folder of all sockets but PostgreSQL's."""
        digest = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:10]
        return SOCKETS_ROOT / f"atalaya-{os.getuid()}-{digest}"

    @property
    def postgres_sockets(self) -> Path:
        """A folder of its own, for PostgreSQL may run as another user."""
        return self.sockets.with_name(self.sockets.name + "-pg")

    def socket(self, service: str) -> Path:
        """The unix socket on which a service answers."""
        return self.sockets / f"{service}.sock"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.logs / f"{name}.log"

    def prepare(self) -> bool:
        """Makes all folders; tells whether the home is new. Refuses what a newer release has written."""
        try:
            return self._make_folders()
        except OSError as error:
            if error.errno in FULL:
                raise  # That is said everywhere in the same words.
            raise BadSetting(
                f"{error.filename} cannot be used ({error.strerror}): set ATALAYA_HOME to a folder of your own."
            ) from error

    def _make_folders(self) -> bool:
        # As root PostgreSQL runs as nobody, who must be able to pass through to its own folder.
        self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        new = self._check_version()
        for folder in (self.lake, self.logs, self.traces, self.secrets, self.run):
            folder.mkdir(mode=0o700, exist_ok=True)
        private_folder(self.sockets)
        return new

    def _check_version(self) -> bool:
        file = self.path / "version"
        if not file.exists():
            file.write_text(f"{DATA_VERSION}\n")
            return True
        text = file.read_text().strip()
        if not text.isdecimal() or int(text) > DATA_VERSION:
            raise NewerData(
                f"The data in {self.path} have version {text[:20]!r}, this release knows up to {DATA_VERSION}: "
                "take the newer release, or set ATALAYA_HOME to another folder."
            )
        return False


def private_folder(path: Path) -> None:
    """Makes a folder that nobody else can enter; refuses one in a shared place that somebody else has made."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise SuiteError(f"{path} belongs to somebody else, so the suite's sockets would not be safe in it: remove it.")
    path.chmod(0o700)
