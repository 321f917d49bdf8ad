"""axe-core on every screen of the portal, in light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page, expect
from reviewing import FORM_REVIEW, make_fields, sign_in, start_form_loop, task_frame, type_credentials
from support import ReviewDesk

StartLoops = Callable[..., list[str]]
SCHEMES = ("light", "dark")


@pytest.fixture
def start_loops(
    review_desk_server: ReviewDesk, s3: Any, request: pytest.FixtureRequest
) -> Iterator[StartLoops]:
    """Start loops of a flow definition of this test's own; returns their names. None is open afterwards."""
    subject = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:40].strip("-")
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    started: list[str] = []

    def start(count: int = 1, **loop_config: Any) -> list[str]:
        arn = review_desk_server.create_flow_definition(
            subject, FORM_REVIEW.read_text(), TaskTitle=f"Forms: {subject}", **loop_config
        )
        names = [f"{subject}-{number}" for number in range(1, count + 1)]
        for name in names:
            start_form_loop(review_desk_server, s3, arn, name, make_fields())
        started.extend(names)
        return names

    yield start
    for worker in ("worker-1", "worker-2"):
        portal = review_desk_server.portal(worker)
        for task in portal.http.get("/portal/api/queue").json()["working"]:
            portal.http.post(f"/portal/api/tasks/{task['id']}/release", json={})
    for name in started:
        if runtime.describe_human_loop(HumanLoopName=name)["HumanLoopStatus"] == "InProgress":
            runtime.stop_human_loop(HumanLoopName=name)


def check(page: Page) -> None:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert grave_findings(page) == [], scheme


def submit_over_api(desk: ReviewDesk, name: str, username: str = "worker-1") -> None:
    portal = desk.portal(username)
    portal.submit(portal.claim(human_loop=name).json(), {}).raise_for_status()


def test_sign_in(page: Page, review_desk_server: ReviewDesk) -> None:
    page.goto(f"{review_desk_server.url}/portal/")
    page.wait_for_selector("#username:focus")
    check(page)
    page.keyboard.type("worker-1")
    page.keyboard.press("Tab")
    page.keyboard.type("a wrong password")
    page.keyboard.press("Enter")
    page.wait_for_selector(".error:not(:empty)")
    check(page)


def test_sign_in_again_over_a_task(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    task_frame(page, name)
    page.context.clear_cookies()
    page.keyboard.type("1")
    page.wait_for_selector("dialog.sign-in-again input[type=password]:focus")
    check(page)


def test_queue_with_tasks_held_and_a_history(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    first, second, _ = start_loops(3)
    submit_over_api(review_desk_server, first)
    review_desk_server.portal().claim(human_loop=second)
    sign_in(page, review_desk_server)
    expect(page.locator(f".card:has-text('{second}')")).to_be_visible()
    expect(page.locator(f".history tr:has-text('{first}')")).to_contain_text("submitted")
    check(page)


def test_queue_with_nothing_at_all(page: Page, review_desk_server: ReviewDesk) -> None:
    review_desk_server.command("team", "create", "idle")
    review_desk_server.add_worker("idle-worker", "idle")
    page.goto(f"{review_desk_server.url}/portal/")
    page.wait_for_selector("#username:focus")
    type_credentials(page, "idle-worker")
    page.wait_for_selector("text=There is nothing for your teams yet.")
    check(page)


@pytest.mark.parametrize("reason", ["empty", "held", "done"])
def test_no_next_task(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops, reason: str
) -> None:
    first, second = start_loops(2, TaskCount=2 if reason == "done" else 1)
    others = review_desk_server.portal("worker-2")
    if reason == "held":
        others.claim(human_loop=second)
        submit_over_api(review_desk_server, first)
    else:
        for name in (first, second):
            submit_over_api(review_desk_server, name)
    # Nothing is open, so no button to start from has the focus.
    page.goto(f"{review_desk_server.url}/portal/")
    page.wait_for_selector("#username:focus")
    type_credentials(page, "worker-1")
    page.click(f".card:has-text('{first.rsplit('-', 1)[0]}') button")
    outcome = page.wait_for_selector(".outcome")
    assert outcome is not None
    assert outcome.get_attribute("data-reason") == reason
    check(page)


def test_task_with_its_dialogs(page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    frame.wait_for_selector(".box")
    check(page)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert grave_findings(frame) == [], scheme
    for key, text in (("Alt+i", "Instructions"), ("Control+/", "Decline this task")):
        page.keyboard.press(key)
        page.wait_for_selector(f"dialog:has-text('{text}')")
        check(page)
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")


def test_an_answer_that_can_be_taken_back(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    first, second = start_loops(2, TaskCount=2)
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    task_frame(page, first)
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    task_frame(page, second)
    expect(page.locator("#toast button")).to_be_visible()
    check(page)
