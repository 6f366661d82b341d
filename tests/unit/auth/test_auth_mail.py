"""Mails: how they leave, what becomes of those that cannot, and what they say."""

import asyncio
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from auth_service.config import Settings
from auth_service.mail import Mail, as_message
from auth_service.mail_file import FileMailer
from auth_service.mail_smtp import SmtpMailer, encryption_for
from auth_service.mail_texts import MailTexts
from auth_service.worker import build_worker
from hypothesis import given
from hypothesis import strategies as st
from service_runtime.errors import InvalidArgument, Unavailable
from support import postgres
from support.auth_people import PeopleAndMail
from support.auth_running import StartAuth
from support.gateway_process import free_port
from support.mail_server import certificate, mail_server, mails_in, plain_text

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MAIL = Mail("ana@example.com", "Prueba", "Hola, señora\n", "<p>Hola, señora</p>")


def clock() -> datetime:
    return NOW


def mailer(port: int, **changes: Any) -> SmtpMailer:
    fields = {"user": "", "password": "", "encryption": "none", "sender": "no-reply@example.com", **changes}
    return SmtpMailer("127.0.0.1", port, clock=clock, **fields)


async def test_mail_says_who_it_is_from_and_comes_as_text_and_html() -> None:
    async with mail_server() as server:
        await mailer(server.port).send(MAIL)
    (message,) = server.messages
    assert (message["From"], message["To"], message["Subject"]) == (
        "Atalaya <no-reply@example.com>",
        "ana@example.com",
        "Prueba",
    )
    assert (message["Auto-Submitted"], message["Date"]) == ("auto-generated", "Thu, 26 Nov 2026 12:00:00 +0000")
    assert message["Message-ID"].endswith("@example.com>")
    html = message.get_body(("html",))
    assert html is not None
    assert (plain_text(message).strip(), str(html.get_content()).strip()) == ("Hola, señora", "<p>Hola, señora</p>")


async def test_starttls_is_insisted_on_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, context = certificate(tmp_path)
    async with mail_server() as plain, mail_server(tls_context=context) as encrypted:
        with pytest.raises(Unavailable):
            await mailer(plain.port, encryption="starttls").send(MAIL)
        # A certificate that nobody trusts is as good as none.
        with pytest.raises(Unavailable):
            await mailer(encrypted.port, encryption="starttls").send(MAIL)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        await mailer(encrypted.port, encryption="starttls").send(MAIL)
    assert (plain.messages, encrypted.encrypted) == ([], [True])


async def test_log_in_at_the_mail_server() -> None:
    async with mail_server(takes_log_ins=True) as server:
        await mailer(server.port, user="atalaya", password="right-password").send(MAIL)
        # Ours to mend, so the mail is tried again.
        with pytest.raises(Unavailable):
            await mailer(server.port, user="atalaya", password="wrong").send(MAIL)
    assert server.log_ins[0] == ("atalaya", "right-password")
    assert len(server.messages) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [("550 5.1.1 no such mailbox", InvalidArgument), ("451 4.3.0 later", Unavailable), ("421 bye", Unavailable)],
)
async def test_what_is_refused_for_good_is_told_from_what_may_pass(answer: str, error: type[Exception]) -> None:
    async with mail_server() as server:
        server.answers["ana@example.com"] = answer
        with pytest.raises(error) as caught:
            await mailer(server.port).send(MAIL)
        assert "ana@" not in str(caught.value)


async def test_mail_server_that_is_away_may_come_back() -> None:
    with pytest.raises(Unavailable, match="MAIL_SERVER_AWAY"):
        await mailer(free_port()).send(MAIL)


async def test_refused_address_ends_the_job_and_an_absent_server_does_not(people: PeopleAndMail) -> None:
    token = (await people.auth.register()).reply.access_token
    people.mail.answers = {"no-such@example.com": "550 no", "greylisted@example.com": "450 later"}
    await people.invite(token, "no-such@example.com")
    await people.invite(token, "greylisted@example.com")
    refused, waiting = await people.deliver()
    assert (refused["status"], refused["code"]) == ("FAILED", "MAIL_REFUSED")
    assert "no-such" not in refused["error"]
    assert waiting["status"] == "QUEUED"
    del people.mail.answers["greylisted@example.com"]
    (sent,) = await people.deliver()
    assert (sent["status"], sent["attempt"]) == ("SUCCEEDED", 2)
    assert (await people.join(people.mail.token(), "greylisted@example.com")).user.role == "user"


@pytest.mark.parametrize("address", ["a@example.com\r\nBcc: b@example.com", "nobody", "a@b, c@d", ""])
def test_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidArgument, match="MAIL_REFUSED"):
        as_message(Mail(address, "x", "", ""), "no-reply@example.com", NOW)


def test_line_break_in_a_subject_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="MAIL_REFUSED"):
        as_message(Mail("a@example.com", "x\r\nBcc: b@example.com", "", ""), "no-reply@example.com", NOW)


@given(name=st.text(max_size=200), language=st.sampled_from(["es", "en"]))
def test_no_name_adds_a_header_a_line_or_a_tag(name: str, language: Any) -> None:
    texts = MailTexts("https://atalaya.example.com/")
    usual = texts.invitation("a@example.com", language=language, tenant="Acme", token="t0ken", days=7)
    mail = texts.invitation("a@example.com", language=language, tenant=name, token="t0ken", days=7)
    message = as_message(mail, "no-reply@example.com", NOW)
    assert set(message.keys()) == set(as_message(usual, "no-reply@example.com", NOW).keys())
    assert len(mail.text.splitlines()) == len(usual.text.splitlines())
    assert mail.html.count("<") == usual.html.count("<")
    assert b"\nBcc" not in message.as_bytes()


async def test_names_with_line_breaks_in_the_records_make_one_clean_mail(people: PeopleAndMail) -> None:
    person = await people.auth.register()
    evil = "Eve\r\nBcc: victim@example.com\r\n\r\n<script>"
    people.auth.query("UPDATE users SET full_name = %s WHERE user_id = %s", evil, person.user.id)
    people.auth.query("UPDATE tenants SET name = %s WHERE tenant_id = %s", evil, person.user.tenant_id)
    await people.forget(person.email)
    await people.invite(person.reply.access_token, "invited-by-eve@example.com")
    await people.deliver()
    assert people.mail.recipients == [person.email, "invited-by-eve@example.com"]
    for message in people.mail.messages:
        assert message["Bcc"] is None
        html = message.get_body(("html",))
        assert html is not None
        assert "<script>" not in str(html.get_content())


@pytest.mark.parametrize(("language", "words"), [("es", "antes de 60 minutos"), ("en", "within 60 minutes")])
def test_link_leads_to_the_public_address_with_the_token(language: Any, words: str) -> None:
    texts = MailTexts("https://atalaya.example.com/")
    mail = texts.reset("a@example.com", language=language, name="Ana", token="t0ken", minutes=60)
    assert "https://atalaya.example.com/reset-password#token=t0ken\n" in mail.text
    assert words in mail.text
    assert 'href="https://atalaya.example.com/reset-password#token=t0ken"' in mail.html
    assert "t0ken" not in repr(mail)


async def test_without_a_mail_server_mails_go_to_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mail" / "outbox.mbox"
    writer = FileMailer(file, sender="no-reply@example.com", clock=clock)
    await asyncio.gather(*(writer.send(MAIL) for _ in range(5)))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [message["To"] for message in mails_in(file)] == ["ana@example.com"] * 5


def test_mails_are_encrypted_unless_the_server_is_on_this_machine() -> None:
    hosts = ("127.0.0.1", "::1", "localhost", "smtp.example.com", "10.0.0.5")
    assert [encryption_for(host) for host in hosts] == ["none", "none", "none", "starttls", "starttls"]


async def test_worker_sends_what_the_service_queued(start_auth: StartAuth, settings: Settings, tmp_path: Path) -> None:
    database = postgres.database_for("auth")
    file = tmp_path / "outbox.mbox"
    worker = build_worker(settings.model_copy(update={"database_url": database.url, "mail_file": str(file)}))
    async with start_auth(database_url=database.url) as auth, mail_server() as unused:
        people = PeopleAndMail(auth, settings, unused)
        person = await auth.register()
        working = asyncio.create_task(worker.run())
        try:
            await people.forget(person.email)
            async with asyncio.timeout(30):
                while not mails_in(file):  # noqa: ASYNC110 - the file says nothing by itself
                    await asyncio.sleep(0.05)
        finally:
            worker.stop()
            await working
    assert [message["To"] for message in mails_in(file)] == [person.email]
