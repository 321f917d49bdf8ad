"""Keys and views that a reviewer changes in one task are there in the next, for this reviewer alone."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from accessibility import grave_findings
from playwright.sync_api import Browser, Frame, Page, expect
from reviewing import sign_in, task_frame
from support import ReviewDesk, wait_until
from test_document_review import ROWS, blocks, image

from review_desk.portal.pages import STATIC

SCRIPT = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
DOCUMENT = (
    f"{SCRIPT}<crowd-form><crowd-textract-analyze-document src='{image(ROWS[:1])}' header='Review' "
    f"initial-value='{html.escape(json.dumps(blocks(ROWS[:1])))}' block-types=\"['KEY_VALUE_SET']\" "
    "no-key-edit no-geometry-edit></crowd-textract-analyze-document></crowd-form>"
)
MODERATION = (
    f"{SCRIPT}<crowd-form><crowd-rekognition-detect-moderation-labels src='{image()}' header='Review' "
    "categories=\"['Violence', 'Weapons']\"></crowd-rekognition-detect-moderation-labels></crowd-form>"
)
GREEDY = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><input name="a" value="1"></crowd-form>
<script>
reviewDesk.preferences.whenGiven(() => {
  const given = ["zoom", "theirs"].map((name) => reviewDesk.preferences.get(name) ?? null);
  document.body.dataset.given = JSON.stringify(given);
});
document.addEventListener("all-crowd-elements-ready", () => {
  const tell = (preferences) => window.parent.postMessage({type: "review-desk:preferences", preferences}, "*");
  for (const wrong of [null, 7, "x", [1], {"__proto__": {"polluted": true}}]) tell(wrong);
  tell({
    "template.zoom": 2,
    "template.": 1,
    "template.<b>": 1,
    "template.nested": {"a": 1},
    "template.long": "x".repeat(201),
    "template.infinite": Infinity,
    "template.document.keys.accept": "F9",
    "zoom": 3,
  });
});
</script>
"""
OTHER = GREEDY.replace('"template.zoom": 2', '"template.theirs": 7')
TOOLS = ".tools:has([aria-keyshortcuts=G])"
HOSTILE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><input name="a" value="1"></crowd-form>
<script>
document.addEventListener("all-crowd-elements-ready", () => {
  const many = Object.fromEntries(Array.from({length: 5000}, (_, number) => [`document.keys.${number}`, "F2"]));
  const tell = (preferences) => window.parent.postMessage({type: "review-desk:preferences", preferences}, "*");
  for (const wrong of [null, 7, "x", [1], many, {"__proto__": {"polluted": true}}, {"constructor": "x"}]) tell(wrong);
  tell({
    "document.keys.accept": "<img src=x onerror=alert(1)>",
    "document.keys.blank": {"nested": "F3"},
    "document.keys.help": "Enter ".repeat(100),
    "document.singles": "false",
    "moderation.blur": 1e9,
    "moderation.grey": [true],
    "notices": false,
    "invented": "x",
    "document.keys.missing": "F4",
  });
});
</script>
"""


@pytest.fixture
def start(review_desk_server: ReviewDesk) -> Any:
    """Start loops of a template; return their names."""

    def start(name: str, template: str, count: int = 1) -> list[str]:
        arn = review_desk_server.create_flow_definition(name, template, TaskTitle=name)
        names = [f"{name}-{number}" for number in range(count)]
        for loop in names:
            review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
                HumanLoopName=loop, FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
            )
        return names

    return start


def kept(desk: ReviewDesk, worker: str) -> dict[str, Any]:
    found: dict[str, Any] = desk.portal(worker).http.get("/portal/api/preferences").json()["task"]
    return found


def kept_by_templates(desk: ReviewDesk, worker: str) -> dict[str, Any]:
    answer = desk.portal(worker).http.get("/portal/api/template-preferences").json()["flow_definitions"]
    return {arn.rsplit("/", 1)[1]: values for arn, values in answer.items()}


def open_task(page: Page, title: str, human_loop: str) -> Frame:
    page.get_by_role("button", name=f"Start reviewing: {title}").click()
    return task_frame(page, human_loop)


def key_button(frame: Frame, name: str) -> Any:
    return frame.get_by_role("button", name=name)


def open_keys(page: Page, frame: Frame) -> None:
    frame.locator(".field.active").wait_for()
    page.keyboard.press("Alt+h")
    frame.locator("dialog[open]").wait_for()


def test_changed_keys_are_there_in_the_next_task(
    page: Page, browser: Browser, review_desk_server: ReviewDesk, start: Any
) -> None:
    first, second, third = start("document", DOCUMENT, 3)
    sign_in(page, review_desk_server)
    frame = open_task(page, "document", first)
    open_keys(page, frame)
    key_button(frame, "Value blank: Ctrl+B").click()
    page.keyboard.press("F2")
    key_button(frame, "Value blank: F2").wait_for()
    frame.locator("#singles").uncheck()
    page.keyboard.press("Escape")
    frame.locator(".field.active").wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")

    frame = task_frame(page, second)
    frame.locator(".field.active").wait_for()
    page.keyboard.press("F2")
    frame.locator(".field .state", has_text="Value blank").wait_for()
    open_keys(page, frame)
    expect(frame.locator("#singles")).not_to_be_checked()
    wait_until(
        lambda: (
            kept(review_desk_server, "worker-1") == {"document.keys.blank": "F2", "document.singles": False}
        )
    )

    page.reload()
    frame = task_frame(page, second)
    open_keys(page, frame)
    key_button(frame, "Value blank: F2").wait_for()

    other = browser.new_context().new_page()
    sign_in(other, review_desk_server, "worker-2")
    frame_of_other = open_task(other, "document", third)
    open_keys(other, frame_of_other)
    key_button(frame_of_other, "Value blank: Ctrl+B").wait_for()
    expect(frame_of_other.locator("#singles")).to_be_checked()
    other.context.close()
    assert kept(review_desk_server, "worker-2") == {}

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Preferences", exact=True).click()
    page.get_by_label("Forget the keys").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_have_text("Your preferences are saved.")
    frame.locator("#help-button").click()
    key_button(frame, "Value blank: Ctrl+B").wait_for()
    assert kept(review_desk_server, "worker-1") == {}


def test_blur_and_grey_are_there_in_the_next_task(
    page: Page, review_desk_server: ReviewDesk, start: Any
) -> None:
    first, second = start("moderation", MODERATION, 2)
    sign_in(page, review_desk_server)
    frame = open_task(page, "moderation", first)
    expect(frame.locator(TOOLS)).to_contain_text("No blur")
    before = frame.locator(TOOLS).inner_text()
    page.keyboard.press("b")
    page.keyboard.press("b")
    page.keyboard.press("g")
    after = frame.locator(TOOLS).inner_text()
    assert after != before
    page.keyboard.press("Control+Enter")
    frame = task_frame(page, second)
    expect(frame.locator(f"{TOOLS} [aria-keyshortcuts=G]")).to_have_attribute("aria-pressed", "true")
    assert frame.locator(TOOLS).inner_text() == after
    image_filter = frame.locator("img.image").evaluate("(image) => getComputedStyle(image).filter")
    assert image_filter == "blur(12px) grayscale(1)"
    wait_until(
        lambda: kept(review_desk_server, "worker-1") == {"moderation.blur": 12, "moderation.grey": True}
    )


def test_a_hostile_template_writes_nothing_but_a_known_value(
    page: Page, review_desk_server: ReviewDesk, start: Any
) -> None:
    [loop] = start("hostile", HOSTILE)
    saved: list[Any] = []
    page.on(
        "request",
        lambda request: (
            saved.append(request.post_data_json)
            if request.method == "PUT" and request.url.endswith("/preferences")
            else None
        ),
    )
    sign_in(page, review_desk_server, "worker-3")
    with page.expect_request(lambda request: request.method == "PUT" and "preferences" in request.url):
        open_task(page, "hostile", loop)
    page.wait_for_timeout(1000)
    assert saved == [{"task": {"document.keys.missing": "F4"}}]
    assert kept(review_desk_server, "worker-3") == {"document.keys.missing": "F4"}
    assert page.evaluate("({}).polluted") is None
    assert review_desk_server.portal("worker-3").http.get("/portal/api/preferences").json()["notices"] is True


def test_a_template_gets_back_what_it_kept_and_nothing_of_another_one(
    page: Page, review_desk_server: ReviewDesk, start: Any
) -> None:
    greedy, again = start("greedy", GREEDY, 2)
    [other] = start("other", OTHER)
    sign_in(page, review_desk_server, "worker-3")
    open_task(page, "greedy", greedy)
    usual = {"zoom": 2, "document.keys.accept": "F9"}
    wait_until(lambda: kept_by_templates(review_desk_server, "worker-3") == {"greedy": usual})
    page.keyboard.press("Control+Enter")
    frame = task_frame(page, again)
    expect(frame.locator("body")).to_have_attribute("data-given", "[2,null]")
    page.keyboard.press("Control+.")
    frame = open_task(page, "other", other)
    expect(frame.locator("body")).to_have_attribute("data-given", "[null,7]")
    theirs = {"theirs": 7, "document.keys.accept": "F9"}
    wait_until(
        lambda: kept_by_templates(review_desk_server, "worker-3") == {"greedy": usual, "other": theirs}
    )
    assert "document.keys.accept" not in kept(review_desk_server, "worker-3")
    assert page.evaluate("({}).polluted") is None

    page.get_by_role("button", name="Preferences", exact=True).click()
    page.get_by_label("Forget the keys").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_have_text("Your preferences are saved.")
    assert kept_by_templates(review_desk_server, "worker-3") == {}


def test_what_a_template_keeps_without_end_is_refused_and_hurts_nobody(
    page: Page, review_desk_server: ReviewDesk, start: Any
) -> None:
    flood = GREEDY.replace(
        '"zoom": 3,',
        "...Object.fromEntries(Array.from({length: 5000}, (_, n) => [`template.n${n}`, 'x'.repeat(200)])),",
    )
    [loop] = start("flood", flood)
    sign_in(page, review_desk_server, "worker-3")
    with page.expect_response(lambda response: response.request.method == "PATCH") as refused:
        frame = open_task(page, "flood", loop)
    assert refused.value.status == 400
    assert len(refused.value.request.post_data_json["changes"]) == 50
    assert "flood" not in kept_by_templates(review_desk_server, "worker-3")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outcome[data-reason=empty]")
    assert frame.is_detached()


def test_the_portal_knows_every_key_of_the_document_screen() -> None:
    elements = Path(STATIC).parents[1] / "elements" / "crowd-textract-analyze-document" / "document-keys.js"
    table = re.search(r"DOCUMENT_KEYS = Object\.freeze\(\{(.*?)\}\)", elements.read_text(), re.DOTALL)
    listed = re.search(r"DOCUMENT_ACTIONS = \[(.*?)\]", (STATIC / "preferences.js").read_text(), re.DOTALL)
    assert table
    assert listed
    assert re.findall(r'"(\w+)"', listed[1]) == re.findall(r"^  (\w+):", table[1], re.MULTILINE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_notices_are_switched_off_with_the_keyboard(
    page: Page, review_desk_server: ReviewDesk, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    answer = {"notices": True, "notified_by": ["email"], "task": {}}

    def answered(route: Any) -> None:
        if route.request.method == "PUT":
            answer.update(route.request.post_data_json)
        route.fulfill(json=answer)

    page.route("**/portal/api/preferences", answered)
    page.goto(f"{review_desk_server.url}/portal/")
    page.wait_for_selector("#username:focus")
    page.keyboard.type("worker-1")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Preferences", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Tell me when new tasks wait")).to_be_focused()
    assert grave_findings(page) == []
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_have_text("Your preferences are saved.")
    expect(button).to_be_focused()
    assert answer["notices"] is False
