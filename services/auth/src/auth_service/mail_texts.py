"""What mails say, in Spanish and English."""

from dataclasses import dataclass
from html import escape

from auth_service.accounts import Language
from auth_service.mail import Mail

_LONGEST_NAME = 80


@dataclass(frozen=True)
class _Wording:
    """One mail in one language; the places in braces are filled in."""

    subject: str
    greeting: str
    before_link: str
    before_token: str
    ending: str


_RESET: dict[Language, _Wording] = {
    "es": _Wording(
        subject="Nueva contraseña para Atalaya",
        greeting="Hola, {name}:",
        before_link="Alguien pidió una nueva contraseña para su cuenta. Elíjala aquí antes de {minutes} minutos:",
        before_token="O use este código, que sirve una sola vez:",  # noqa: S106
        ending="Si no fue usted, no haga nada: su contraseña sigue siendo la misma.",
    ),
    "en": _Wording(
        subject="A new password for Atalaya",
        greeting="Hello {name},",
        before_link="Somebody asked for a new password for your account. Choose it here within {minutes} minutes:",
        before_token="Or use this code, which works once:",  # noqa: S106
        ending="If it was not you, do nothing: your password stays as it is.",
    ),
}
_INVITATION: dict[Language, _Wording] = {
    "es": _Wording(
        subject="Invitación a {tenant} en Atalaya",
        greeting="Hola:",
        before_link="{tenant} le invita a usar Atalaya. Regístrese aquí antes de {days} días:",
        before_token="O use este código, que sirve una sola vez y solo para esta dirección:",  # noqa: S106
        ending="Si no espera esta invitación, no haga nada.",
    ),
    "en": _Wording(
        subject="Invitation to {tenant} in Atalaya",
        greeting="Hello,",
        before_link="{tenant} invites you to use Atalaya. Register here within {days} days:",
        before_token="Or use this code, which works once and for this address only:",  # noqa: S106
        ending="If you do not expect this invitation, do nothing.",
    ),
}


class MailTexts:
    """Writes the mails; links lead to the public address, with the token where no server gets to see it."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")

    def reset(self, to: str, *, language: Language, name: str, token: str, minutes: int) -> Mail:
        return self._mail(to, _RESET[language], "reset-password", token, name=_line(name), minutes=str(minutes))

    def invitation(self, to: str, *, language: Language, tenant: str, token: str, days: int) -> Mail:
        return self._mail(to, _INVITATION[language], "register", token, tenant=_line(tenant), days=str(days))

    def _mail(self, to: str, wording: _Wording, page: str, token: str, **words: str) -> Mail:
        greeting, before_link = wording.greeting.format(**words), wording.before_link.format(**words)
        # Behind a # it stays in the browser, and so out of logs and Referer headers.
        link = f"{self._public_url}/{page}#token={token}"
        text = "\n\n".join([greeting, before_link, link, wording.before_token, token, wording.ending])
        html = (
            f"<p>{escape(greeting)}</p><p>{escape(before_link)}</p>"
            f'<p><a href="{escape(link)}">{escape(link)}</a></p>'
            f"<p>{escape(wording.before_token)}</p><p><code>{escape(token)}</code></p><p>{escape(wording.ending)}</p>"
        )
        return Mail(to, wording.subject.format(**words), text + "\n", f"<html><body>{html}</body></html>\n")


def _line(name: str) -> str:
    """Gives a name as one short line, whatever it holds."""
    printable = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(printable.split())[:_LONGEST_NAME]
