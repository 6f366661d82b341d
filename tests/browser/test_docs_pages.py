"""The documentation's pages in a real browser, on the whole suite: log in, call, read."""

from pathlib import Path

import httpx
from playwright.sync_api import Locator, Page, expect
from support.browsing import ROSA
from support.running_suite import RunningSuite


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
    page.locator(".modal-ux input").first.fill(reply.json()["access_token"])
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").first.click()
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
