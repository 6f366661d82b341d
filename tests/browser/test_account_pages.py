"""The pages that mails lead to, in a real browser: accept an invitation, choose a new password."""

import mailbox
import re
from contextlib import closing
from email.message import Message
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect
from support.browsing import ROSA
from support.running_suite import RunningSuite, wait_until

NEW = "nine llamas on a tall hill"


def test_who_is_invited_registers(page: Page, suite: RunningSuite, complaints: list[str]) -> None:
    token = httpx.post(f"{suite.url}/api/v1/auth/login", json=ROSA_LOGS_IN, timeout=30).json()["access_token"]
    invitation = {"email": "ana@example.com", "role": "viewer"}
    headers = {"authorization": f"Bearer {token}"}
    httpx.post(f"{suite.url}/api/v1/users", json=invitation, headers=headers, timeout=30).raise_for_status()

    page.goto(link_to(suite, "ana@example.com"))
    page.get_by_label("E-mail address").fill("ana@example.com")
    page.get_by_label("Name").fill("Ana")
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Register").click()

    expect(page.get_by_text("Your account is ready")).to_be_visible()
    logged_in = httpx.post(
        f"{suite.url}/api/v1/auth/login", json={"email": "ana@example.com", "password": NEW}, timeout=30
    )
    assert logged_in.status_code == 200
    assert "token" not in page.url
    assert complaints == []


def test_a_used_link_says_so(page: Page, complaints: list[str]) -> None:
    page.goto("/register#token=used-or-made-up")
    page.get_by_label("E-mail address").fill("ana2@example.com")
    page.get_by_label("Name").fill("Ana")
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Register").click()

    expect(page.get_by_role("alert")).to_contain_text("invitation")
    assert complaints == []


def test_who_forgot_the_password_chooses_another(page: Page, suite: RunningSuite, complaints: list[str]) -> None:
    forgetful = {**ROSA, "email": "luis@example.com", "full_name": "Luis", "tenant_name": "Forgetful"}
    httpx.post(f"{suite.url}/api/v1/auth/register", json=forgetful, timeout=30).raise_for_status()
    body = {"email": forgetful["email"]}
    httpx.post(f"{suite.url}/api/v1/auth/forgot-password", json=body, timeout=30).raise_for_status()

    page.goto(link_to(suite, forgetful["email"]))
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Change the password").click()

    expect(page.get_by_text("The password is changed")).to_be_visible()
    logged_in = httpx.post(f"{suite.url}/api/v1/auth/login", json={**body, "password": NEW}, timeout=30)
    assert logged_in.status_code == 200
    assert complaints == []


ROSA_LOGS_IN = {"email": ROSA["email"], "password": ROSA["password"]}


def link_to(suite: RunningSuite, address: str) -> str:
    """Waits for the mail to an address and gives the path that its link leads to."""
    wait_until(lambda: bool(mails_to(suite, address)), 20, f"no mail to {address}")
    found = re.search(r"https?://[^/]+(/\S+#token=\S+)", mails_to(suite, address)[-1])
    assert found is not None
    return found[1]


def mails_to(suite: RunningSuite, address: str) -> list[str]:
    box = Path(suite.home.path) / "mail/outbox.mbox"
    if not box.exists():
        return []
    with closing(mailbox.mbox(box)) as opened:
        mails = [mail for mail in opened if mail["to"] == address]
    return [plain_text(mail) for mail in mails]


def plain_text(mail: Message) -> str:
    """Gives what stands in the mail for those who read no HTML."""
    plain = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    data = plain.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data.decode()
