"""A mail server for tests, in this process, that keeps what it is given."""

from __future__ import annotations

import asyncio
import email.policy
import mailbox
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

TOKEN = re.compile(r"#token=([\w-]+)")


@dataclass
class MailServer:
    """Takes mails unless told otherwise; `answers` are what it says to a recipient, by address."""

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    log_ins: list[tuple[str, str]] = field(default_factory=list)
    # Whether each mail came over TLS.
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        answer = self.answers.get(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - as above
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(content)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.log_ins.append((data.login.decode(), data.password.decode()))
        is_right = data.password == b"right-password"
        # What is not handled is answered by the server itself.
        return AuthResult(success=is_right, handled=is_right)

    @property
    def texts(self) -> list[str]:
        """The plain texts of the mails."""
        return [plain_text(message) for message in self.messages]

    def token(self) -> str:
        """The token of the latest mail."""
        found = TOKEN.search(self.texts[-1])
        assert found is not None
        return found.group(1)


def mails_in(file: Path) -> list[mailbox.mboxMessage]:
    """Reads a file of mails; one that is not there has none."""
    if not file.exists():
        return []
    box = mailbox.mbox(file)
    try:
        return list(box)
    finally:
        box.close()


def plain_text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@asynccontextmanager
async def mail_server(**options: Any) -> AsyncIterator[MailServer]:
    """Starts a mail server on loopback; the options are aiosmtpd's."""
    server = MailServer()
    loop = asyncio.get_running_loop()
    if options.pop("takes_log_ins", False):
        options |= {"authenticator": server.authenticate, "auth_require_tls": False}
    listening = await loop.create_server(lambda: SMTP(server, loop=loop, **options), "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Makes a certificate for 127.0.0.1 that signs itself; gives its file, and the server's side of it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail server of tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "mail-server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return file, context
