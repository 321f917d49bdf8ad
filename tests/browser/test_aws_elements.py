"""REVIEW_DESK_CROWD_SCRIPT=cdn: the page loads AWS's script, and the portal hears what it does.

AWS's script is played by a stand-in with what is known of it: a form in a shadow root, `_serializeForm()`, a `submit`
event of the element, and then a real submit.
"""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page

from review_desk.portal.frame import frame_headers, with_elements
from review_desk.templates import AWS_SCRIPT_URL

PORTAL = "http://portal.test"
STAND_IN = """
customElements.define("crowd-form", class extends HTMLElement {
  connectedCallback() {
    const form = document.createElement("form");
    form.method = "post";
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Submit" });
    button.addEventListener("click", () => {
      if (this.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }))) form.submit();
    });
    form.append(document.createElement("slot"), button);
    this.attachShadow({ mode: "open" }).append(form);
    setTimeout(() => document.dispatchEvent(new Event("all-crowd-elements-ready")));
  }
  _serializeForm() {
    const answer = {};
    for (const field of this.querySelectorAll("[name]")) {
      const name = field.getAttribute("name");
      if ("checked" in field && !/^(text|number|hidden)$/.test(field.type)) {
        answer[name] = { ...answer[name], [field.getAttribute("value") ?? "on"]: field.checked };
      } else if (field.multiple) answer[name] = Array.from(field.selectedOptions, (option) => option.value);
      else if (field.value !== "" && field.value !== undefined) answer[name] = field.value;
    }
    return { taskAnswers: JSON.stringify([answer]) };
  }
});
for (const name of ["crowd-input", "crowd-text-area", "crowd-slider"]) {
  customElements.define(name, class extends HTMLElement {
    value = this.getAttribute("value") ?? "";
  });
}
for (const name of ["crowd-checkbox", "crowd-toggle-button", "crowd-radio-button"]) {
  customElements.define(name, class extends HTMLElement {
    checked = this.hasAttribute("checked");
  });
}
"""
TEMPLATE = (
    f'<script src="{AWS_SCRIPT_URL}"></script><crowd-form><input name="name" aria-label="Name"></crowd-form>'
)
FIELDS = f"""<script src="{AWS_SCRIPT_URL}"></script><crowd-form>
<input name="name" value="as read"><textarea name="remark">as read</textarea>
<input type="hidden" name="round" value="1">
<select name="city"><option>London</option><option>Paris</option></select>
<select name="several" multiple><option selected>a</option><option>b</option><option>c</option></select>
<input type="checkbox" name="flags" value="torn"><input type="checkbox" name="flags" value="wet" checked>
<input type="radio" name="kind" value="box" checked><input type="radio" name="kind" value="bag">
<input name="twice"><input name="twice">
<crowd-input name="total" value="as read"></crowd-input><crowd-text-area name="text"></crowd-text-area>
<crowd-slider name="sure" value="3"></crowd-slider>
<crowd-checkbox name="seen" value="yes"></crowd-checkbox><crowd-checkbox name="sharp" checked></crowd-checkbox>
<crowd-toggle-button name="on"></crowd-toggle-button>
<crowd-radio-button name="left" value="l"></crowd-radio-button>
</crowd-form>"""
DRAFT = {
    "name": "Ada",
    "city": "Paris",
    "several": ["b", "c"],
    "flags": {"torn": True, "wet": False},
    "kind": {"box": False, "bag": True},
    "twice": ["one", "two"],
    "total": "12",
    "text": "two\nlines",
    "sure": 7,
    "seen": {"yes": True},
    "sharp": {"on": False},
    "on": {"on": True},
    "left": {"l": True},
}
REFUSAL = (
    '<script>document.querySelector("crowd-form").onsubmit = (event) => event.preventDefault();</script>'
)


def show(page: Page, template: str) -> Any:
    """Show a template in the portal's frame; AWS's script is the stand-in. Returns the frame."""
    around = (
        "<iframe sandbox='allow-scripts allow-forms' src='/frame'></iframe><script>window.heard = [];"
        "addEventListener('message', (event) => heard.push(event.data))</script>"
    )
    headers = frame_headers([PORTAL], crowd_script="cdn")
    page.route(f"{PORTAL}/", lambda route: route.fulfill(body=around, content_type="text/html"))
    page.route(
        f"{PORTAL}/frame",
        lambda route: route.fulfill(
            body=with_elements(template, "cdn"), content_type="text/html", headers=headers
        ),
    )
    page.route(AWS_SCRIPT_URL, lambda route: route.fulfill(body=STAND_IN, content_type="text/javascript"))
    page.goto(f"{PORTAL}/")
    page.wait_for_function("() => heard.some((message) => message.type === 'review-desk:ready')")
    return page.frames[-1]


def heard(page: Page, kind: str) -> list[Any]:
    script = "(type) => heard.filter((message) => message.type === type).map((message) => message.answer)"
    found: list[Any] = page.evaluate(script, f"review-desk:{kind}")
    return found


def test_changes_and_the_answer_reach_the_portal(page: Page) -> None:
    frame = show(page, TEMPLATE)
    frame.get_by_label("Name").press_sequentially("Ada")
    page.wait_for_function("() => heard.some((message) => message.type === 'review-desk:change')")
    assert heard(page, "change") == [{"name": "Ada"}]
    frame.get_by_role("button", name="Submit").click()
    page.wait_for_function("() => heard.some((message) => message.type === 'review-desk:submit')")
    assert heard(page, "submit") == [{"name": "Ada"}]
    assert frame.url == f"{PORTAL}/frame"


def test_a_template_may_still_refuse(page: Page) -> None:
    frame = show(page, TEMPLATE + REFUSAL)
    frame.get_by_role("button", name="Submit").click()
    page.wait_for_timeout(300)
    assert heard(page, "submit") == []


def send(page: Page, message: object) -> None:
    page.evaluate("(message) => frames[0].postMessage(message, '*')", message)


def test_a_draft_is_put_back(page: Page) -> None:
    frame = show(page, FIELDS)
    send(page, {"type": "review-desk:draft", "answer": DRAFT})
    frame.wait_for_function("() => document.querySelector('[name=name]').value === 'Ada'")
    answer = frame.evaluate(
        "JSON.parse(document.querySelector('crowd-form')._serializeForm().taskAnswers)[0]"
    )
    # The stand-in knows no lists of texts, and writes of two fields the last.
    assert answer == {**DRAFT, "twice": "two", "round": "1"}
    assert frame.locator("[name=twice]").first.input_value() == "one"
    page.wait_for_timeout(600)
    assert heard(page, "change") == []


def test_what_is_no_draft_changes_nothing(page: Page) -> None:
    frame = show(page, FIELDS)
    before = frame.evaluate("document.querySelector('crowd-form')._serializeForm()")
    for answer in (None, 7, "x", {"name": {"a": 1}, "sharp": "x", "several": None, "toString": "x"}):
        send(page, {"type": "review-desk:draft", "answer": answer})
    send(page, {"type": "review-desk:other", "answer": DRAFT})
    frame.evaluate("window.postMessage({ type: 'review-desk:draft', answer: { name: 'mine' } }, '*')")
    page.wait_for_timeout(300)
    after = frame.evaluate("document.querySelector('crowd-form')._serializeForm()")
    cleared = {"remark", "total", "several"}

    def rest(serialized: Any) -> dict[str, Any]:
        [found] = json.loads(serialized["taskAnswers"])
        return {name: value for name, value in found.items() if name not in cleared}

    assert rest(after) == rest(before)
