"""The public keys by which services prove themselves, as the operator lays them down."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from auth_service.tokens import KeyFileError

SERVICES = ("auth", "ingest", "ml", "insights", "analytics")
_PEM_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
_LEAST_KEY_BITS = 2048

ServiceKeys = Mapping[str, Sequence[RSAPublicKey]]


def read_service_keys(folder: str) -> ServiceKeys:
    """Reads `<service>.pem` for each service that has one, with one or more keys, so that a new one can be laid beside
    the old; raises KeyFileError with a sentence that names the setting."""
    if not folder:
        return {}
    paths = {service: Path(folder) / f"{service}.pem" for service in SERVICES}
    return {service: _read(path) for service, path in paths.items() if path.exists()}


def _read(path: Path) -> list[RSAPublicKey]:
    try:
        keys = [load_pem_public_key(block) for block in _PEM_BLOCK.findall(path.read_bytes())]
    except OSError as error:
        raise KeyFileError(f"SERVICE_PUBLIC_KEYS_FOLDER has a file that cannot be read: {path}.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"SERVICE_PUBLIC_KEYS_FOLDER has a key that cannot be read: {path}.") from error
    strong = [key for key in keys if isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_KEY_BITS]
    if not strong or len(strong) < len(keys):
        raise KeyFileError(f"SERVICE_PUBLIC_KEYS_FOLDER must hold RSA public keys of 2048 bits or more only: {path}.")
    return strong
