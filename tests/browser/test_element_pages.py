"""Every element's test page: it renders, submits the answer that it names, and is accessible in light and dark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page

from review_desk import elements
from review_desk.elements import bundle
from review_desk.templates import localise

FOLDER = Path(elements.__file__).parent
PAGES = sorted(FOLDER.glob("*/test.html"))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.parent.name)
def test_page(page: Page, file: Path) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.route(
        "http://elements.test/**",
        lambda route: route.fulfill(body=bundle(), content_type="text/javascript"),
    )
    page.set_content(localise(file.read_text("utf-8"), "http://elements.test/crowd-html-elements.js"))
    page.wait_for_function("() => document.body.dataset.ready === 'true'")
    expected = page.locator("script#answer").text_content()
    assert expected
    answer = page.evaluate(
        "() => JSON.parse(document.querySelector('crowd-form')._serializeForm().taskAnswers)[0]"
    )
    assert answer == json.loads(expected)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert grave_findings(page) == []
    assert problems == []


def test_every_element_has_a_page() -> None:
    folders = {folder.name for folder in FOLDER.iterdir() if (folder / f"{folder.name}.js").exists()}
    assert folders - {file.parent.name for file in PAGES} == set()
