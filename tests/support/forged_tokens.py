"""Tokens that somebody without our key would try, and tokens of ours that stand for something else."""

import base64
import json
import socket
import threading
import time
from hashlib import sha256
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from support.tokens import TestIssuer

Tokens = dict[str, str]

OTHER_ALGORITHMS = ["HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "EdDSA", "none"]
NONE_SPELLINGS = ["none", "None", "NONE", "nOnE", "", "null", "RS256 ", "rs256", "Rs256"]
KEY_IDS = {
    "path": "../../../../etc/passwd",
    "absolute path": "/dev/null",
    "file url": "file:///etc/passwd",
    "sql": "' UNION SELECT 'secret' --",
    "sql drop": "test-key'; DROP TABLE users; --",
    "command": "test-key|id",
    "empty": "",
    "space": " ",
    "nul": "test-key\x00",
    "other case": "TEST-KEY",
    "spaced": " test-key",
    "newline": "test-key\n",
    "percent": "test%2Dkey",
    "bidi": "test-key\u202e",
    "fullwidth": "ｔｅｓｔ-key",
    "dunder": "__class__",
    "long": "k" * 1_000_000,
}


class Canary:
    """A listener on loopback that counts who connects; nobody should."""

    def __enter__(self) -> "Canary":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}/keys.json"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


class Forgeries:
    """Makes forged tokens by name, and good ones in which nothing but the forgery is missing."""

    def __init__(self, issuer: TestIssuer, canary_url: str) -> None:
        self.issuer = issuer
        self._canary_url = canary_url
        self._stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._curve = ec.generate_private_key(ec.SECP256R1())
        self._edwards = ed25519.Ed25519PrivateKey.generate()

    def good(self) -> Tokens:
        """The positive control: made in the same ways, by the right key."""
        now = int(time.time())
        return {
            "as auth makes it": self.issuer.token(uuid4()),
            "by hand": self._ours(self._header(), self._claims()),
            "access type": self._ours(self._header(typ="at+jwt"), self._claims()),
            "without type": self._ours(self._header(typ=None), self._claims()),
            "program": self._ours(self._header(), self._claims(kind="program", ver=0)),
            "version": self._ours(self._header(), self._claims(ver=7)),
            "two audiences": self._ours(self._header(), self._claims(aud=["other", "atalaya"])),
            "within the leeway": self._ours(self._header(), self._claims(exp=now - 20, iat=now + 20)),
            "nbf past": self._ours(self._header(), self._claims(nbf=now - 5)),
            # For one service alone, which the server checks.
            "service": self._ours(self._header(), self._claims(token_use="service", target="ml")),
        }

    def all(self) -> Tokens:
        made: Tokens = {}
        for kind in (
            self.with_other_algorithms,
            self.with_keys_of_their_own,
            self.with_other_key_ids,
            self.with_other_headers,
            self.with_other_spellings,
            self.with_other_claims,
            self.of_other_uses,
        ):
            for name, token in kind().items():
                made[f"{kind.__name__}: {name}"] = token
        return made

    def with_other_algorithms(self) -> Tokens:
        """Signed with the public key as a secret, by other algorithms, or not at all."""
        tokens: Tokens = {}
        claims = self._claims()
        for shape, secret in self._public_key_bytes().items():
            for algorithm in ("HS256", "HS384", "HS512"):
                header = self._header(alg=algorithm)
                tokens[f"{algorithm} with {shape}"] = self._with_secret(header, claims, secret, algorithm)
                # The header lies about what was done.
                lying = self._with_secret(self._header(), claims, secret, algorithm)
                tokens[f"{algorithm} with {shape} called RS256"] = lying
        for spelling in NONE_SPELLINGS:
            header = self._header(alg=spelling)
            tokens[f"unsigned {spelling!r}"] = self._joined(header, claims, b"")
            tokens[f"signature kept {spelling!r}"] = self._ours(header, claims)
        for algorithm in OTHER_ALGORITHMS:
            tokens[f"our signature called {algorithm}"] = self._ours(self._header(alg=algorithm), claims)
        own = self.issuer.private_key
        for name, hash_name in {"RS384": hashes.SHA384(), "RS512": hashes.SHA512()}.items():
            signature = own.sign(self._input(self._header(alg=name), claims), padding.PKCS1v15(), hash_name)
            tokens[f"our key by {name}"] = self._joined(self._header(alg=name), claims, signature)
            signature = own.sign(self._input(self._header(), claims), padding.PKCS1v15(), hash_name)
            tokens[f"our key by {name} called RS256"] = self._joined(self._header(), claims, signature)
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        signature = own.sign(self._input(self._header(), claims), pss, hashes.SHA256())
        tokens["our key by PS256 called RS256"] = self._joined(self._header(), claims, signature)
        odd: list[Any] = [[], ["RS256"], {"RS256": 1}, 256, None, True]
        for value in odd:
            tokens[f"algorithm {value!r}"] = self._ours({**self._header(), "alg": value}, claims)
        tokens["no algorithm"] = self._ours(self._header(alg=None), claims)
        return tokens

    def with_keys_of_their_own(self) -> Tokens:
        """Signed with a key that the token itself brings or tells of."""
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._stranger.public_key()))
        der = self._stranger.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        certificate = base64.b64encode(der).decode()
        brought: dict[str, dict[str, Any]] = {
            "jwk": {"jwk": jwk},
            "jwk named as ours": {"jwk": {**jwk, "kid": self.issuer.key_id}},
            "jwk without kid": {"jwk": jwk, "kid": None},
            "jku": {"jku": self._canary_url},
            "jku without kid": {"jku": self._canary_url, "kid": None},
            "jku and unknown kid": {"jku": self._canary_url, "kid": "theirs"},
            "x5u": {"x5u": self._canary_url},
            "x5u and unknown kid": {"x5u": self._canary_url, "kid": "theirs"},
            "x5c": {"x5c": [certificate]},
            "x5t": {"x5t": base64.urlsafe_b64encode(sha256(der).digest()[:20]).decode()},
            "url as kid": {"kid": self._canary_url},
            "jwk as kid": {"kid": json.dumps(jwk)},
            "issuer's url": {"iss": self._canary_url},
            "nothing": {},
        }
        tokens = {name: self._theirs(self._header(**header), self._claims()) for name, header in brought.items()}
        tokens["issuer to discover"] = self._theirs(self._header(), self._claims(iss=self._canary_url))
        curve = self._curve.sign(self._input(self._header(), self._claims()), ec.ECDSA(hashes.SHA256()))
        tokens["curve"] = self._joined(self._header(), self._claims(), curve)
        edwards = self._edwards.sign(self._input(self._header(), self._claims()))
        tokens["edwards"] = self._joined(self._header(), self._claims(), edwards)
        return tokens

    def with_other_key_ids(self) -> Tokens:
        """Names of keys that would do harm where a name is a path, a query or a command."""
        tokens = {name: self._ours(self._header(kid=key_id), self._claims()) for name, key_id in KEY_IDS.items()}
        others: list[Any] = [None, 7, True, [self.issuer.key_id], {"kid": self.issuer.key_id}]
        for key_id in others:
            tokens[repr(key_id)] = self._ours({**self._header(), "kid": key_id}, self._claims())
        tokens["no kid"] = self._ours(self._header(kid=None), self._claims())
        return tokens

    def with_other_headers(self) -> Tokens:
        """Signed by us, and yet not to be understood as a token."""
        headers: dict[str, dict[str, Any]] = {
            "crit unknown": {"crit": ["new"], "new": 1},
            "crit empty": {"crit": []},
            "crit exp": {"crit": ["exp"]},
            "crit no list": {"crit": "b64"},
            "b64 false": {"b64": False, "crit": ["b64"]},
            "b64 true": {"b64": True},
            "typ logout": {"typ": "logout+jwt"},
            "typ id": {"typ": "id_token"},
            "typ jws": {"typ": "JOSE+JSON"},
            "typ number": {"typ": 1},
            "typ list": {"typ": ["JWT"]},
        }
        tokens = {name: self._ours(self._header(**header), self._claims()) for name, header in headers.items()}
        for name, header in {
            "header list": [self._header()],
            "header text": "RS256",
            "header null": None,
            "header number": 1,
        }.items():
            tokens[name] = self._ours(header, self._claims())
        deep = base64.urlsafe_b64encode(b"[" * 4000).decode().rstrip("=")
        tokens["header without end"] = f"{deep}.e30.AAAA"
        return tokens

    def with_other_spellings(self) -> Tokens:
        """A good token, written otherwise than tokens are."""
        token = self.issuer.token(uuid4())
        header, payload, signature = token.split(".")
        other = self.issuer.token(uuid4()).split(".")
        flipped = signature[:-3] + ("A" if signature[-3] != "A" else "B") + signature[-2:]
        # The last character's last bits mean nothing, so there are others that mean the same.
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        same = signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]
        general = {"payload": payload, "signatures": [{"protected": header, "signature": signature}] * 2}
        flat = {"payload": payload, "protected": header, "signature": signature}
        return {
            "empty": "",
            "dots": "..",
            "two parts": f"{header}.{payload}",
            "four parts": f"{token}.{signature}",
            "five parts": f"{header}.{payload}.{signature}.{payload}.{signature}",
            "two signatures": f"{header}.{payload}.{signature}{signature}",
            "two tokens": f"{token},{token}",
            "json": json.dumps(general),
            "flat json": json.dumps(flat),
            "no signature": f"{header}.{payload}.",
            "zero signature": f"{header}.{payload}.{'A' * len(signature)}",
            "cut signature": f"{header}.{payload}.{signature[:-4]}",
            "flipped signature": f"{header}.{payload}.{flipped}",
            "same signature in other letters": f"{header}.{payload}.{same}",
            "padded": f"{token}==",
            "padded inside": f"{header}=.{payload}.{signature}",
            "newline behind": f"{token}\n",
            "newline inside": f"{header}.{payload}.{signature[:8]}\n{signature[8:]}",
            "star inside": f"{header}.{payload}.{signature[:8]}*{signature[8:]}",
            "space before": f" {token}",
            "standard letters": f"{header}.{payload}.{signature.replace('-', '+').replace('_', '/')}+",
            "payload of another": f"{header}.{other[1]}.{signature}",
            "signature of another": f"{header}.{payload}.{other[2]}",
            "no payload": f"{header}..{signature}",
            "greek": "ά.ή.ό",
            "long": token + "A" * 1_000_000,
            "encrypted": f"{self._encoded({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.AAAA.AAAA.AAAA.AAAA",
        }

    def with_other_claims(self) -> Tokens:
        """Signed by us, with claims that are missing, of another type, or of another time or place."""
        now = int(time.time())
        changes: list[dict[str, Any]] = [
            *({name: None} for name in ("iss", "aud", "sub", "tenant_id", "role", "sid", "iat", "exp", "token_use")),
            *({"iss": iss} for iss in ("other", "Atalaya", "atalaya ", ["atalaya"], 1)),
            *({"aud": aud} for aud in ("other", "atalaya-auth", "ATALAYA", [], ["other"], {"atalaya": 1}, 1)),
            *({"sub": sub} for sub in ("", 7, ["ana"])),
            *({"sid": sid} for sid in ("", 7, ["x"])),
            *({"tenant_id": tenant} for tenant in ("", "*", "not-a-uuid", 5, [str(uuid4())])),
            *({"role": role} for role in ("root", "ADMIN", "", "admin ", ["admin"], 3, "owner")),
            *({"kind": kind} for kind in ("service", "operator", 1, ["person"])),
            *({"ver": version} for version in (-1, 1.0, "9", True, [1])),
            *({"exp": exp} for exp in (now - 31, 0, -1, "soon", str(now + 60), [now + 60], True, float("inf"))),
            {"exp": float("nan")},
            *({"iat": iat} for iat in (now + 3600, "now", str(now), float("nan"))),
            *({"nbf": nbf} for nbf in (now + 3600, "now", [now], float("nan"))),
        ]
        tokens = {repr(change): self._ours(self._header(), self._claims(**change)) for change in changes}
        for payload in ([self._claims()], "text", None, 1):
            tokens[f"payload {type(payload).__name__}"] = self._ours(self._header(), payload)
        return tokens

    def of_other_uses(self) -> Tokens:
        """Signed by us for something else than access."""
        uses: tuple[Any, ...] = ("refresh", "id", "reset", "invitation", "ACCESS", "", ["access"], 1, True, {})
        tokens = {repr(use): self._ours(self._header(), self._claims(token_use=use)) for use in uses}
        assertion = {"iss": "ingest", "sub": "ingest", "aud": "atalaya-auth", "jti": "1", "exp": int(time.time()) + 60}
        tokens["proof of a service"] = self._ours(self._header(), assertion)
        tokens["service without target"] = self._ours(self._header(), self._claims(token_use="service"))
        tokens["opaque"] = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
        return tokens

    def _header(self, **changes: Any) -> dict[str, Any]:
        usual = {"alg": "RS256", "typ": "JWT", "kid": self.issuer.key_id}
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def _claims(self, **changes: Any) -> dict[str, Any]:
        usual = jwt.decode(self.issuer.token(uuid4()), options={"verify_signature": False})
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def _public_key_bytes(self) -> dict[str, bytes]:
        public = self.issuer.private_key.public_key()
        encodings, formats = serialization.Encoding, serialization.PublicFormat
        return {
            "pem": public.public_bytes(encodings.PEM, formats.SubjectPublicKeyInfo),
            "pem without newline": public.public_bytes(encodings.PEM, formats.SubjectPublicKeyInfo).strip(),
            "pkcs1 pem": public.public_bytes(encodings.PEM, formats.PKCS1),
            "der": public.public_bytes(encodings.DER, formats.SubjectPublicKeyInfo),
            "pkcs1 der": public.public_bytes(encodings.DER, formats.PKCS1),
            "jwk": json.dumps(json.loads(self.issuer.jwks)["keys"][0]).encode(),
            "modulus": json.loads(self.issuer.jwks)["keys"][0]["n"].encode(),
            "nothing": b"",
        }

    def _ours(self, header: Any, claims: Any) -> str:
        return self._signed(header, claims, self.issuer.private_key)

    def _theirs(self, header: Any, claims: Any) -> str:
        return self._signed(header, claims, self._stranger)

    def _signed(self, header: Any, claims: Any, key: rsa.RSAPrivateKey) -> str:
        signature = key.sign(self._input(header, claims), padding.PKCS1v15(), hashes.SHA256())
        return self._joined(header, claims, signature)

    def _with_secret(self, header: Any, claims: Any, secret: bytes, algorithm: str) -> str:
        named = {"HS256": hashes.SHA256(), "HS384": hashes.SHA384(), "HS512": hashes.SHA512()}
        mac = hmac.HMAC(secret, named[algorithm])
        mac.update(self._input(header, claims))
        return self._joined(header, claims, mac.finalize())

    def _input(self, header: Any, claims: Any) -> bytes:
        return f"{self._encoded(header)}.{self._encoded(claims)}".encode()

    def _joined(self, header: Any, claims: Any, signature: bytes) -> str:
        written = base64.urlsafe_b64encode(signature).decode().rstrip("=")
        return f"{self._encoded(header)}.{self._encoded(claims)}.{written}"

    def _encoded(self, value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
