"""The crowd-* elements: answers in A2I's shapes, and a form that behaves like a form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from review_desk.elements import bundle

# A page that plays the portal: it keeps what its frame says, and can say something to it.
PORTAL = """
<iframe sandbox="allow-scripts allow-forms"></iframe>
<script>
  window.heard = [];
  window.addEventListener("message", (event) => heard.push(event.data));
  window.tell = (message) => document.querySelector("iframe").contentWindow.postMessage(message, "*");
</script>
"""


class Harness:
    """A template in a frame, as the portal shows it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def show(self, content: str) -> None:
        self.page.set_content(PORTAL)
        html = f"<!doctype html><script>{bundle()}</script>{content}"
        self.page.evaluate("(html) => document.querySelector('iframe').srcdoc = html", html)
        self.wait_for("ready")

    @property
    def frame(self) -> Any:
        return self.page.frames[-1]

    def messages(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate(
            "(type) => heard.filter((message) => message.type === type)", f"review-desk:{kind}"
        )
        return found

    def wait_for(self, kind: str) -> dict[str, Any]:
        self.page.wait_for_function(
            "(type) => heard.some((message) => message.type === type)", arg=f"review-desk:{kind}"
        )
        return self.messages(kind)[-1]

    def tell(self, kind: str, **content: Any) -> None:
        self.page.evaluate("(message) => tell(message)", {"type": f"review-desk:{kind}", **content})

    def submitted(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.wait_for("submit")["answer"]
        return answer


@pytest.fixture
def harness(page: Page) -> Iterator[Harness]:
    return Harness(page)


FIELDS = """
<crowd-form>
  <input name="text" value="a"> <input name="empty" value=""> <input value="without a name">
  <input type="hidden" name="hidden" value="h"> <input name="off" value="x" disabled>
  <input type="checkbox" name="quality" value="blurry" checked> <input type="checkbox" name="quality" value="dim">
  <input type="checkbox" name="single" checked>
  <input type="radio" name="sex" value="a"> <input type="radio" name="sex" value="b" checked>
  <select name="one"><option value="1">1<option value="2" selected>2</select>
  <select name="many" multiple><option selected>x<option>y<option selected>z</select>
  <textarea name="lines">first\nsecond</textarea>
  <input name="twice" value="1"><input name="twice" value="2">
  <crowd-input name="crowd" label="Crowd" value="c"></crowd-input>
  <crowd-input name="crowd-empty" label="Empty"></crowd-input>
  <crowd-text-area name="area" value="d" rows="2" char-counter max-length="9"></crowd-text-area>
</crowd-form>
"""
ANSWER = {
    "text": "a",
    "hidden": "h",
    "quality": {"blurry": True, "dim": False},
    "single": {"on": True},
    "sex": {"a": False, "b": True},
    "one": "2",
    "many": ["x", "z"],
    "lines": "first\nsecond",
    "twice": ["1", "2"],
    "crowd": "c",
    "area": "d",
}


def test_answers_have_the_shapes_of_a2i(harness: Harness) -> None:
    harness.show(FIELDS)
    harness.frame.click("text=Submit")
    assert harness.submitted() == ANSWER


def test_a_draft_is_put_back_whole(harness: Harness) -> None:
    harness.show(FIELDS)
    draft = {
        "text": "b",
        "hidden": "h",
        "empty": "now filled",
        "quality": {"blurry": False, "dim": True},
        "single": {"on": False},
        "sex": {"a": True, "b": False},
        "one": "1",
        "many": ["y"],
        "twice": ["3", "4"],
        "crowd": "e",
        "crowd-empty": "f",
    }
    harness.tell("draft", answer=draft)
    harness.tell("submit")
    assert harness.submitted() == draft


def test_a_change_is_reported_once_for_a_burst_of_keys(harness: Harness) -> None:
    harness.show('<crowd-form><input name="a"></crowd-form>')
    harness.frame.focus("[name=a]")
    harness.page.keyboard.type("hello")
    assert harness.wait_for("change")["answer"] == {"a": "hello"}
    assert len(harness.messages("change")) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        "document.querySelector('crowd-form').onsubmit = (event) => event.preventDefault()",
        "document.querySelector('crowd-form').onsubmit = () => false",
        "document.querySelector('crowd-form').addEventListener('submit', (event) => event.preventDefault())",
        "window.onload = () => { document.querySelector('crowd-form').onsubmit = (e) => e.preventDefault() }",
    ],
)
def test_a_template_may_refuse_and_then_submit_itself(harness: Harness, refusal: str) -> None:
    harness.show(f'<crowd-form><input name="a" value="1"></crowd-form><script>{refusal}</script>')
    harness.frame.click("text=Submit")
    harness.page.wait_for_timeout(200)
    assert harness.messages("submit") == []
    harness.frame.evaluate("document.querySelector('crowd-form').submit()")
    assert harness.submitted() == {"a": "1"}


def test_the_browsers_validation_is_respected(harness: Harness) -> None:
    harness.show(
        '<crowd-form><input name="a" required><crowd-input name="b" label="B" required></crowd-input></crowd-form>'
    )
    harness.tell("submit")
    harness.page.wait_for_timeout(200)
    assert harness.messages("submit") == []
    harness.frame.fill("[name=a]", "1")
    harness.frame.fill("crowd-input input", "2")
    harness.page.keyboard.press("Control+Enter")
    assert harness.submitted() == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("content", "buttons"),
    [
        ("<crowd-form><input name=a></crowd-form>", ["Submit"]),
        ("<crowd-form><crowd-button form-action=submit>Send</crowd-button></crowd-form>", ["Send"]),
        (
            "<crowd-form><crowd-button form-action=reset>Clear</crowd-button></crowd-form>",
            ["Clear", "Submit"],
        ),
        ("<crowd-form><button type=button>Other</button></crowd-form>", ["Other", "Submit"]),
    ],
)
def test_a_submit_button_is_there_once(harness: Harness, content: str, buttons: list[str]) -> None:
    harness.show(content)
    assert harness.frame.locator("crowd-button, form > button").all_text_contents() == buttons


def test_no_second_submit_while_one_is_under_way(harness: Harness) -> None:
    harness.show('<crowd-form><input name="a" value="1"></crowd-form>')
    harness.tell("disabled", disabled=True)
    harness.tell("submit")
    harness.page.wait_for_timeout(200)
    assert harness.frame.locator("crowd-button button").is_disabled()
    assert harness.messages("submit") == []
    harness.tell("disabled", disabled=False)
    harness.tell("submit")
    assert harness.submitted() == {"a": "1"}


def test_elements_are_usable_by_a_templates_own_script(harness: Harness) -> None:
    harness.show(
        """<crowd-form><crowd-input name="a" label="A" value="1"></crowd-input></crowd-form>
        <script>
          document.addEventListener("all-crowd-elements-ready", () => {
            const input = document.querySelector("crowd-input");
            input.value = input._submittableValue + "2";
            document.querySelector("crowd-form").form.append(Object.assign(document.createElement("input"),
              { name: "added", value: "later" }));
          });
        </script>"""
    )
    assert harness.frame.evaluate("document.querySelector('crowd-form')._serializeForm()") == {
        "taskAnswers": '[{"a":"12","added":"later"}]'
    }


def test_keys_of_the_portal_work_in_the_frame(harness: Harness) -> None:
    harness.show('<crowd-form><input name="a"></crowd-form>')
    harness.tell("focus")
    harness.frame.focus("[name=a]")
    for key in ("Control+.", "Control+/", "Alt+t", "Alt+i"):
        harness.page.keyboard.press(key)
    harness.page.wait_for_function("heard.some((message) => message.key === 'help')")
    keys = [message["key"] for message in harness.messages("key")]
    assert keys == ["release", "decline", "extend", "help"]


def test_the_bundle_is_one_classic_script(browser: Browser) -> None:
    assert bundle() is bundle()
    assert not [line for line in bundle().splitlines() if line.startswith(("import ", "export "))]
