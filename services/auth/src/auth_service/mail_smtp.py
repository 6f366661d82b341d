"""Mails by SMTP."""

from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address
from typing import Literal

import aiosmtplib
from service_runtime.errors import InvalidArgument, Unavailable

from auth_service.mail import Mail, as_message

Encryption = Literal["none", "starttls", "tls"]

TIMEOUT_SECONDS = 20
_FIRST_REFUSAL_FOR_GOOD = 500


class SmtpMailer:
    """Hands each mail to a mail server, on a connection of its own."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        user: str,
        password: str,
        encryption: Encryption,
        sender: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._encryption = encryption
        self._sender = sender
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        message = as_message(mail, self._sender, self._clock())
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user or None,
                password=self._password or None,
                use_tls=self._encryption == "tls",
                # True insists on it: a server that offers none gets neither the password nor the mail.
                start_tls=self._encryption == "starttls",
                timeout=TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
            raise _refusal(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _away() from error


def encryption_for(host: str) -> Encryption:
    """Gives the default: none on this machine, STARTTLS elsewhere."""
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return "none" if is_here else "starttls"


def _refusal(error: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPResponseException) -> Exception:
    """Tells what the server will never take from what it may take later; a log-in that fails is ours to mend."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
    else:
        codes = [error.code]
    for_good = all(code >= _FIRST_REFUSAL_FOR_GOOD for code in codes)
    ours = isinstance(
        error, aiosmtplib.SMTPAuthenticationError | aiosmtplib.SMTPHeloError | aiosmtplib.SMTPConnectError
    )
    if for_good and not ours:
        # Without the server's words: they repeat the address.
        return InvalidArgument("MAIL_REFUSED", f"The mail server refuses this mail: {max(codes)}.")
    return _away()


def _away() -> Unavailable:
    return Unavailable("MAIL_SERVER_AWAY", "The mail server does not take mails right now.")
