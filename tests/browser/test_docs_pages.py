"""The documentation's pages in a real browser, on the whole suite: log in, call, read."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright
from support.running_suite import RunningSuite

CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROSA = {"email": "rosa@example.com", "password": "clave larga de rosa", "full_name": "Rosa", "tenant_name": "Pages"}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"there is no chromium at {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A running suite that has one person."""
    running = RunningSuite.fresh(tmp_path_factory.mktemp("suite") / "home")
    try:
        running.start()
        httpx.post(f"{running.url}/api/v1/auth/register", json=ROSA, timeout=30).raise_for_status()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about: errors in scripts, refused resources, calls to elsewhere."""
    return []


@pytest.fixture
def page(browser: Browser, suite: RunningSuite, complaints: list[str]) -> Iterator[Page]:
    def note(message: ConsoleMessage) -> None:
        # A refused call is told in the console too; tests look at those themselves.
        if message.type == "error" and "status of 4" not in message.text:
            complaints.append(message.text)

    context = browser.new_context(base_url=suite.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
    yield page
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{page.title().replace(' ', '_')}.png"))
    context.close()


def log_in(page: Page, password: str) -> None:
    page.goto("/docs")
    page.get_by_label("User name or e-mail").fill(ROSA["email"])
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def execute(page: Page, operation: str) -> Locator:
    """Opens an operation, executes it with its examples and gives the row of the live answer."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table tbody tr.response")


def test_a_person_logs_in_and_calls(page: Page, complaints: list[str]) -> None:
    log_in(page, ROSA["password"])
    expect(page.get_by_text(f"Logged in as {ROSA['email']}")).to_be_visible()

    answer = execute(page, "Users-auth_GetMe")

    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer).to_contain_text(ROSA["email"])
    assert complaints == []


def test_a_wrong_password_is_told(page: Page, complaints: list[str]) -> None:
    log_in(page, "not the password")

    expect(page.get_by_role("status")).not_to_be_empty()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert complaints == []


def test_who_has_logged_out_calls_without_a_token(page: Page, complaints: list[str]) -> None:
    log_in(page, ROSA["password"])
    page.get_by_role("button", name="Log out").click()

    answer = execute(page, "Users-auth_GetMe")

    expect(answer.locator(".response-col_status")).to_contain_text("401")
    expect(answer).to_contain_text("TOKEN_REQUIRED")
    assert complaints == []


def test_a_pasted_token_is_sent(page: Page, suite: RunningSuite, complaints: list[str]) -> None:
    credentials = {"email": ROSA["email"], "password": ROSA["password"]}
    reply = httpx.post(f"{suite.url}/api/v1/auth/login", json=credentials, timeout=30)
    page.goto("/docs")
    page.locator(".auth-wrapper").get_by_role("button", name="Authorize").click()
    page.locator(".modal-ux input").fill(reply.json()["access_token"])
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    page.locator(".modal-ux").get_by_role("button", name="Close").last.click()

    answer = execute(page, "Users-auth_GetMe")

    expect(answer.locator(".response-col_status")).to_contain_text("200")
    assert complaints == []


def test_a_file_is_imported_from_the_page(page: Page, complaints: list[str], tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("account,fecha_publicacion,contenido,likes\nBCP,2025-06-28T15:30:00Z,Hola,120\n")
    log_in(page, ROSA["password"])
    expect(page.get_by_text(f"Logged in as {ROSA['email']}")).to_be_visible()
    block = page.locator("#operations-Data-ingest_ImportData")
    block.locator(".opblock-summary-control").click()
    for name, value in {"kind": "posts", "account_column": "account"}.items():
        block.locator(f'tr[data-param-name="{name}"] input').fill(value)
    block.locator('tr[data-param-name="create_accounts"] select').select_option("true")
    block.locator('input[type="file"]').set_input_files(file)
    block.get_by_role("button", name="Execute").click()

    answer = block.locator(".live-responses-table tbody tr.response")

    expect(answer.locator(".response-col_status")).to_contain_text("202")
    expect(answer).to_contain_text("QUEUED")
    assert complaints == []


def test_the_manual_shows_every_route(page: Page, suite: RunningSuite, complaints: list[str]) -> None:
    document = httpx.get(f"{suite.url}/openapi.json", timeout=30).json()

    page.goto("/redoc")

    expect(page.get_by_role("heading", name="Atalaya (")).to_be_visible()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            section = page.locator(f'[id="operation/{operation["operationId"]}"]')
            expect(section, f"{method} {path}").to_have_count(1)
    assert complaints == []


def test_the_manual_finds_a_route_by_a_word(page: Page, complaints: list[str]) -> None:
    page.goto("/redoc")

    page.get_by_placeholder("Search...").press_sequentially("followers")

    expect(page.locator('[data-role="search:results"]')).to_contain_text("daily followers")
    assert complaints == []
