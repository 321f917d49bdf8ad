"""A real Chromium against a real Review Desk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import ARGUMENTS, find_chromium
from playwright.sync_api import Browser, Page, sync_playwright


# Not for the whole session: playwright's loop would stand in the way of asynchronous tests in other modules.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of its own; an error in a script fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []
