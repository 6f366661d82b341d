"""A browser before a running suite that has one person."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from support.browsing import ROSA
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


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A running suite that has one person."""
    running = RunningSuite.fresh(tmp_path_factory.mktemp("suite") / "home")
    try:
        running.start()
        httpx.post(f"{running.url}/api/v1/auth/register", json=ROSA, timeout=30).raise_for_status()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
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
    # A busy machine takes its time to draw two hundred routes.
    expect.set_options(timeout=20_000)
    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
    yield page
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{page.title().replace(' ', '_')}.png"))
    context.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the browser's tests out, with the reason, where there is none."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(
                pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"there is no chromium at {CHROMIUM}")
            )
