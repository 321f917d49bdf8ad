"""`review-desk template serve`: the frame of the portal, beside the answer it would submit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page
from previewing import opened, ready, served, shown_answer, submitted_answer, wait_for_answer

TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
  <h1>{{ task.input.title }}</h1>
  <img id="there" src="{{ 's3://documents/there.svg' | grant_read_access }}" alt="there">
  <img id="missing" src="{{ 's3://documents/missing.png' | grant_read_access }}" alt="missing">
  <crowd-input name="name" label="Name" value="Ada"></crowd-input>
</crowd-form>
<script>
  const say = (reached) => (document.body.dataset.reached = reached);
  fetch("/state").then(() => say("yes"), () => say("no"));
  document.body.dataset.origin = window.origin;
</script>
"""
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30"/></svg>'
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    template, sample, documents = tmp_path / "task.html", tmp_path / "task.json", tmp_path / "documents"
    template.write_text(TEMPLATE)
    sample.write_text('{"title": "First"}')
    documents.mkdir()
    (documents / "there.svg").write_text(PICTURE)
    return template, sample, documents


def test_the_answer_is_shown_from_the_beginning_and_with_each_change(
    page: Page, files: tuple[Path, Path, Path]
) -> None:
    with served(*files) as address:
        frame = opened(page, address)
        assert shown_answer(page) == {"name": "Ada"}
        assert page.text_content("#answer-state") == "Not submitted"
        frame.get_by_label("Name").fill("Grace")
        wait_for_answer(page, {"name": "Grace"})
        frame.get_by_role("button", name="Submit").click()
        assert submitted_answer(page) == {"name": "Grace"}
        page.get_by_role("button", name="Start again").click()
        wait_for_answer(page, {"name": "Ada"})


def test_the_frame_is_as_in_the_portal_and_missing_documents_are_named(
    page: Page, files: tuple[Path, Path, Path]
) -> None:
    with served(*files) as address:
        frame = opened(page, address)
        frame.wait_for_selector("body[data-reached]")
        assert frame.get_attribute("body", "data-reached") == "no"
        assert frame.get_attribute("body", "data-origin") == "null"
        assert frame.evaluate("document.querySelector('#there').naturalWidth") == 40
        # What is missing is a picture that says so.
        assert frame.evaluate("document.querySelector('#missing').naturalWidth") == 800
        page.wait_for_selector("#missing >> text=s3://documents/missing.png")
        page.wait_for_selector("#findings >> text=task.html:10: warning: fetch")


def test_it_reloads_when_the_template_or_the_input_changes(
    page: Page, files: tuple[Path, Path, Path]
) -> None:
    template, sample, _ = files
    with served(*files) as address:
        frame = opened(page, address)
        assert frame.text_content("h1") == "First"
        sample.write_text(json.dumps({"title": "Second"}))
        page.frame_locator("iframe").get_by_role("heading", name="Second").wait_for()
        template.write_text(TEMPLATE.replace("Ada", "Grace"))
        wait_for_answer(page, {"name": "Grace"})
        template.write_text(TEMPLATE.replace("task.input.title", "task.input.title | nope"))
        page.frame_locator("iframe").get_by_text("line 3: unknown filter 'nope'").wait_for()
        page.wait_for_selector("#findings >> text=task.html:3: error: unknown filter 'nope'")
        template.write_text(TEMPLATE)
        wait_for_answer(page, {"name": "Ada"})
        ready(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(page: Page, files: tuple[Path, Path, Path], scheme: str) -> None:
    with served(*files) as address:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        opened(page, address)
        page.wait_for_selector("#missing li")
        assert grave_findings(page) == []


def test_an_end_is_said(page: Page, files: tuple[Path, Path, Path]) -> None:
    with served(*files) as address:
        opened(page, address)
    page.wait_for_selector("#status >> text=The preview has ended")
