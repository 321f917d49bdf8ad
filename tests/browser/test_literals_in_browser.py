"""The browser's reader of literals gives what the one of `template check` gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from literal_cases import READABLE, UNREADABLE
from playwright.sync_api import Page

from review_desk import elements

SCRIPT = Path(elements.__file__).parent / "runtime" / "literals.js"


@pytest.fixture
def reader(page: Page) -> Page:
    page.add_script_tag(path=SCRIPT)
    return page


@pytest.mark.parametrize(("text", "value"), READABLE)
def test_what_is_readable(reader: Page, text: str, value: Any) -> None:
    assert reader.evaluate("(text) => parseLiteral(text)", text) == value


@pytest.mark.parametrize(("text", "message"), UNREADABLE)
def test_what_is_not(reader: Page, text: str, message: str) -> None:
    script = "(text) => { try { parseLiteral(text); return ''; } catch (error) { return error.message; } }"
    assert reader.evaluate(script, text) == message
