"""Where the command keeps the token of its last log-in: a file for its owner's eyes only."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from atalaya_client.connection import DEFAULT_URL


@dataclass(frozen=True)
class SavedLogin:
    """A suite's URL and a token for it."""

    url: str = DEFAULT_URL
    token: str = ""


def _file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "atalaya" / "login.json"


def save(login: SavedLogin) -> Path:
    """Keeps the log-in and gives the file's path."""
    file = _file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
        json.dump(asdict(login), target)
    return file


def load() -> SavedLogin:
    """Gives the log-in of ATALAYA_URL and ATALAYA_TOKEN, or the kept one; one without a token where there is none."""
    kept = SavedLogin()
    # Without the file, or with one that something else wrote, it is as if nobody had logged in.
    with suppress(OSError, ValueError, TypeError):
        kept = SavedLogin(**json.loads(_file().read_text()))
    return SavedLogin(os.environ.get("ATALAYA_URL", kept.url), os.environ.get("ATALAYA_TOKEN", kept.token))
