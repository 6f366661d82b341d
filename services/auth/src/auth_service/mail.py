"""A mail, and who takes it."""

from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Protocol

from service_runtime.errors import InvalidArgument


@dataclass(frozen=True)
class Mail:
    """What somebody is told; the text holds a token, so it is in no log."""

    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


class Mailer(Protocol):
    """Takes mails on: raises Unavailable where that may succeed later, and another error where it never will."""

    async def send(self, mail: Mail) -> None: ...


def as_message(mail: Mail, sender: str, now: datetime) -> EmailMessage:
    """Makes the message. A header that holds a line break, or an address that is none, is refused by the library."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = Address(addr_spec=sender, display_name="Atalaya")
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = mail.subject
    except (ValueError, IndexError) as error:
        raise InvalidArgument("MAIL_REFUSED", "The mail has no valid address or subject.") from error
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # Nobody's absence is announced to us (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
