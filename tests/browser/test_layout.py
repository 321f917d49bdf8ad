"""Narrow windows, and pages from right to left: nothing scrolls sideways, and no button is cut."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Frame, Page
from reviewing import FORM_REVIEW, make_fields, sign_in, start_form_loop, task_frame
from support import ReviewDesk
from test_document_review import blocks, image

PHONE, TABLET, TABLET_LYING, DESK = (390, 844), (820, 1180), (1180, 820), (1440, 900)
SCRIPT = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
HEAD = f'<!doctype html><html lang="en"><meta name="color-scheme" content="light dark"><title>Task</title>{SCRIPT}'
DOCUMENT = (
    f'{HEAD}<crowd-form><crowd-textract-analyze-document src="{html.escape(image())}" header="Review this form"'
    f' initial-value="{html.escape(json.dumps(blocks()))}" block-types="[\'KEY_VALUE_SET\']" no-key-edit'
    " no-geometry-edit></crowd-textract-analyze-document></crowd-form>"
)
LABELS = [
    {"name": "Violence", "parentName": "", "confidence": 91.5},
    {"name": "Graphic violence or gore", "parentName": "Violence", "confidence": 61.5},
    {"name": "Weapons", "parentName": "Violence", "confidence": 78.2},
]
MODERATION = (
    f'{HEAD}<crowd-form><crowd-rekognition-detect-moderation-labels src="{html.escape(image())}" blur="6"'
    f' categories="{html.escape(json.dumps(LABELS))}" exclusion-category="{{ text: \'None of them\' }}"'
    ' header="Which labels apply to this image?"></crowd-rekognition-detect-moderation-labels></crowd-form>'
)
CLASSIFIER = (
    f'{HEAD}<crowd-form><crowd-image-classifier name="kind" src="{html.escape(image())}"'
    " categories=\"['Invoice', 'Delivery note', 'Another document that has quite a long name']\""
    ' header="What is it?"></crowd-image-classifier></crowd-form>'
)
TEMPLATES = {
    "document": DOCUMENT,
    "form": FORM_REVIEW.read_text(),
    "moderation": MODERATION,
    "classifier": CLASSIFIER,
}

# What is outside of the window or under something else, as text; a button may be scrolled to if `scrolls`.
HIDDEN = """(scrolls) => {
  const found = [];
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) look(element.shadowRoot);
      if (!element.matches("button, input[type=text], input[type=radio], input[type=checkbox]")) continue;
      if (element.matches(".box") || !element.checkVisibility({ visibilityProperty: true })) continue;
      const box = element.getBoundingClientRect();
      const name = element.id || element.textContent.trim() || element.getAttribute("aria-label");
      if (box.left < -0.5 || box.right > innerWidth + 0.5) found.push(`${name} is cut: ${box.left} to ${box.right}`);
      if (!scrolls && (box.top < -0.5 || box.bottom > innerHeight + 0.5)) found.push(`${name} is below or above`);
    }
  };
  look(document);
  return found;
}"""


@pytest.fixture
def open_task(
    page: Page, review_desk_server: ReviewDesk, s3: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Frame]]:
    """Sign in and claim a task of a template; the task is given back in the end."""
    subject = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")[:50]
    runtime = review_desk_server.client("sagemaker-a2i-runtime")

    def start(kind: str) -> Frame:
        arn = review_desk_server.create_flow_definition(
            subject, TEMPLATES[kind], TaskTitle=f"Tasks: {subject}"
        )
        start_form_loop(review_desk_server, s3, arn, subject, make_fields())
        sign_in(page, review_desk_server)
        page.click(f".card:has-text('{subject}') button")
        frame = task_frame(page, subject)
        frame.wait_for_function("document.readyState === 'complete'")
        return frame

    yield start
    portal = review_desk_server.portal("worker-1")
    for task in portal.http.get("/portal/api/queue").json()["working"]:
        portal.http.post(f"/portal/api/tasks/{task['id']}/release", json={})
    runtime.stop_human_loop(HumanLoopName=subject)


def resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(250)


def photograph(page: Page, name: str) -> None:
    """Keep a picture for people to look at, if they have named a folder for it."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def check(where: Page | Frame, *, scrolls: bool = False) -> None:
    assert where.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert where.evaluate(HIDDEN, scrolls) == []


def submit_button(frame: Frame) -> Any:
    button = frame.locator("crowd-button[form-action=submit]").bounding_box()
    assert button is not None
    return button


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("kind", ["document", "form"])
def test_documents(page: Page, open_task: Callable[[str], Frame], kind: str, direction: str) -> None:
    frame = open_task(kind)
    frame.locator(".box").first.wait_for()
    for where in (page, frame):
        where.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
    for size in (TABLET, TABLET_LYING, DESK):
        resize(page, size)
        photograph(page, f"{kind}-{direction}-{size[0]}")
        check(page)
        check(frame, scrolls=True)
        button = submit_button(frame)
        assert button["y"] + button["height"] <= size[1]
        # The page is large enough to read it, and beside the fields or above them.
        canvas, fields = (
            frame.locator("#canvas").bounding_box(),
            frame.locator("section.fields").bounding_box(),
        )
        assert canvas is not None
        assert fields is not None
        assert canvas["height"] >= 300
        assert canvas["width"] >= 600
        if kind == "document":
            active = frame.locator(".box.active").bounding_box()
            assert active is not None
            assert canvas["x"] <= active["x"]
            assert active["x"] + active["width"] <= canvas["x"] + canvas["width"]
        if size == TABLET:
            assert canvas["y"] + canvas["height"] <= fields["y"] + 1
        elif direction == "rtl":
            assert fields["x"] + fields["width"] <= canvas["x"] + 1
        else:
            assert canvas["x"] + canvas["width"] <= fields["x"] + 1


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("kind", ["moderation", "classifier"])
def test_images_on_a_phone(page: Page, open_task: Callable[[str], Frame], kind: str, direction: str) -> None:
    frame = open_task(kind)
    for where in (page, frame):
        where.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
    resize(page, PHONE)
    photograph(page, f"{kind}-{direction}-{PHONE[0]}")
    check(page)
    check(frame, scrolls=True)
    view = frame.locator("image-view").bounding_box()
    assert view is not None
    assert view["width"] >= 340
    # The image and the first choice are seen together.
    choice = frame.locator(".choice").first.bounding_box()
    assert choice is not None
    assert choice["y"] + choice["height"] <= PHONE[1]
    frame.locator("crowd-button[form-action=submit]").scroll_into_view_if_needed()
    button = submit_button(frame)
    assert button["y"] + button["height"] <= PHONE[1]


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_pages_of_the_portal(page: Page, open_task: Callable[[str], Frame], direction: str) -> None:
    turn = "(direction) => { document.documentElement.dir = direction; }"
    open_task("classifier")
    page.evaluate(turn, direction)
    for size in (PHONE, TABLET, TABLET_LYING, DESK):
        resize(page, size)
        check(page)
        page.keyboard.press("Alt+i")
        page.wait_for_selector("dialog[open]")
        check(page)
        photograph(page, f"dialog-{direction}-{size[0]}")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("Control+.")
    page.wait_for_selector("main .card button")
    for size in (PHONE, TABLET, TABLET_LYING, DESK):
        resize(page, size)
        photograph(page, f"queue-{direction}-{size[0]}")
        check(page, scrolls=True)
    page.context.clear_cookies()
    page.reload()
    page.wait_for_selector("#username:focus")
    page.evaluate(turn, direction)
    for size in (PHONE, TABLET_LYING):
        resize(page, size)
        photograph(page, f"sign-in-{direction}-{size[0]}")
        check(page)
