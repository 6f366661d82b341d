"""Access tokens and the keys that verify them."""

import json
from base64 import urlsafe_b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import pytest
from atalaya.auth.v1 import auth_pb2
from auth_service.config import Settings
from auth_service.tokens import KeyFileError, read_signing_keys
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from service_runtime.errors import Unauthenticated
from service_runtime.token_verifier import TokenVerifier
from support.auth_running import RunningAuth, StartAuth
from support.running import refusal


async def test_access_token_proves_the_person_to_every_service(auth: RunningAuth) -> None:
    person = await auth.register()

    async def published_keys() -> bytes:
        return bytes((await auth.calls.GetJwks(auth_pb2.GetJwksRequest())).data)

    verifier = TokenVerifier(published_keys, "atalaya", "atalaya", lambda: auth.clock().timestamp())
    identity = await verifier.verify(person.reply.access_token)
    (session,) = auth.query("SELECT session_id FROM sessions WHERE user_id = %s", person.user.id)
    assert (identity.subject, str(identity.tenant_id)) == (person.user.id, person.user.tenant_id)
    assert (identity.role, identity.username) == ("admin", person.user.username)
    assert (identity.timezone, identity.session_id) == ("America/Lima", str(session["session_id"]))


async def test_token_carries_the_claims_that_were_agreed(auth: RunningAuth) -> None:
    token = (await auth.register()).reply.access_token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims) == {
        *("iss", "aud", "sub", "tenant_id", "role", "username", "tz", "sid", "jti", "iat", "exp", "token_use"),
        *("kind", "ver"),
    }
    assert (claims["kind"], claims["ver"]) == ("person", 0)
    assert (claims["iss"], claims["aud"], claims["token_use"]) == ("atalaya", "atalaya", "access")
    assert claims["exp"] - claims["iat"] == 3600
    assert jwt.get_unverified_header(token)["alg"] == "RS256"


async def test_published_keys_are_public_halves_named_by_their_thumbprint(auth: RunningAuth) -> None:
    reply = await auth.calls.GetJwks(auth_pb2.GetJwksRequest())
    (key,) = json.loads(reply.data)["keys"]
    assert reply.content_type == "application/json"
    assert set(key) == {"kty", "n", "e", "use", "alg", "kid"}
    needed = json.dumps({name: key[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    assert urlsafe_b64decode(key["kid"] + "=") == sha256(needed.encode()).digest()


async def test_first_key_signs_and_the_old_one_still_verifies(start_auth: StartAuth, settings: Settings) -> None:
    async with start_auth() as before:
        person = await before.register()
    put_first(Path(settings.jwt_private_keys_file), rsa.generate_private_key(public_exponent=65537, key_size=2048))
    async with start_auth() as auth:
        keys = json.loads((await auth.calls.GetJwks(auth_pb2.GetJwksRequest())).data)["keys"]
        new_token = (await auth.log_in(person.email)).access_token
        assert [key_id(new_token), key_id(person.reply.access_token)] == [key["kid"] for key in keys]
        assert (await auth.me(person.reply.access_token)).id == (await auth.me(new_token)).id


async def test_expired_token_is_rejected(auth: RunningAuth) -> None:
    person = await auth.register()
    auth.clock.advance(hours=1, minutes=1)
    error = await refusal(auth.me(person.reply.access_token))
    assert isinstance(error, Unauthenticated)


async def test_refresh_token_is_no_access_token(auth: RunningAuth) -> None:
    person = await auth.register()
    assert isinstance(await refusal(auth.me(person.reply.refresh_token)), Unauthenticated)


def test_key_file_that_cannot_be_used_is_named_with_its_setting(tmp_path: Path) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    contents = [b"", b"no key", pem(weak), pem(ec.generate_private_key(ec.SECP256R1()))]
    for content in contents:
        file = tmp_path / "keys.pem"
        file.write_bytes(content)
        with pytest.raises(KeyFileError, match="JWT_PRIVATE_KEYS_FILE"):
            read_signing_keys(str(file))
    for path in ("", str(tmp_path / "missing.pem")):
        with pytest.raises(KeyFileError, match="JWT_PRIVATE_KEYS_FILE"):
            read_signing_keys(path)


def put_first(key_file: Path, key: rsa.RSAPrivateKey) -> None:
    key_file.write_bytes(pem(key) + key_file.read_bytes())


def pem(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])
