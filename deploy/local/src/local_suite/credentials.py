"""The suite's own passwords and keys: made at random once per home, in files that only their owner can read."""

import base64
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local_suite.home import Home

KEY_BITS = 2048


def password(home: Home, name: str) -> str:
    """The password of that name; made at its first use."""
    return _kept(home.secrets / f"{name}.password", lambda: secrets.token_urlsafe(24))


def source_key(home: Home) -> str:
    """The key that keeps the credentials of sources, in base64."""
    return _kept(home.secrets / "sources.key", lambda: base64.b64encode(secrets.token_bytes(32)).decode())


def signing_keys(home: Home) -> Path:
    """The PEM file with the key that auth signs tokens with."""
    path = home.secrets / "jwt.pem"
    _kept(path, _new_key)
    return path


def service_key(home: Home, service: str) -> Path:
    """The PEM file with the key by which a service proves itself to auth."""
    path = home.secrets / f"service_{service}.pem"
    _kept(path, _new_key)
    return path


def service_public_keys(home: Home, services: Iterable[str]) -> Path:
    """The folder with `<service>.pem`, the public half of each service's key."""
    folder = home.secrets / "services"
    for service in services:
        private_key = serialization.load_pem_private_key(service_key(home, service).read_bytes(), password=None)
        public_pem = private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _kept(folder / f"{service}.pem", public_pem.decode)
    return folder


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, make())
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
