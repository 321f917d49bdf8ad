"""REVIEW_DESK_CROWD_SCRIPT=cdn: the page loads AWS's script, and the portal hears what it does.

AWS's script is played by a stand-in with what is known of it: a form in a shadow root, `_serializeForm()`, a `submit`
event of the element, and then a real submit.
"""

from __future__ import annotations

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
    return { taskAnswers: JSON.stringify([{ name: this.querySelector("input").value }]) };
  }
});
"""
TEMPLATE = (
    f'<script src="{AWS_SCRIPT_URL}"></script><crowd-form><input name="name" aria-label="Name"></crowd-form>'
)
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
