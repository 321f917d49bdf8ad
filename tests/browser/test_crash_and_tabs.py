"""A browser that is killed in the middle of a task, and two tabs: no answer is lost, none counts twice."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from chromium import ARGUMENTS, find_chromium
from playwright.sync_api import Page, Playwright, expect, sync_playwright
from reviewing import output_uri, sign_in, task_frame
from support import ReviewDesk, wait_for_json, wait_until

TEMPLATE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><label>Text <input name="text" value="{{ task.input.text }}"></label></crowd-form>
"""


@pytest.fixture
def loop(review_desk_server: ReviewDesk, request: pytest.FixtureRequest) -> Iterator[str]:
    """One human loop of a flow definition of this test's own."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:50].strip("-")
    arn = review_desk_server.create_flow_definition(name, TEMPLATE)
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    runtime.start_human_loop(
        HumanLoopName=name,
        FlowDefinitionArn=arn,
        HumanLoopInput={"InputContent": json.dumps({"text": "read"})},
    )
    yield name
    if runtime.describe_human_loop(HumanLoopName=name)["HumanLoopStatus"] == "InProgress":
        runtime.stop_human_loop(HumanLoopName=name)


def answer_of(desk: ReviewDesk, s3: Any, loop: str) -> dict[str, Any]:
    (answer,) = wait_for_json(s3, output_uri(desk, loop))["humanAnswers"]
    content: dict[str, Any] = answer["answerContent"]
    return content


def open_browser(playwright: Playwright, profile: Path) -> Page:
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=find_chromium(), args=list(ARGUMENTS)
    )
    context.set_default_timeout(10_000)
    return context.pages[0]


def kill_browser(profile: Path) -> None:
    """End the browser of a profile as a crash would, with all its processes."""
    own = psutil.Process().children(recursive=True)
    killed = [process for process in own if f"--user-data-dir={profile}" in " ".join(process.cmdline())]
    assert killed
    for process in killed:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(killed, 10)
    (profile / "SingletonLock").unlink(missing_ok=True)


def test_a_browser_that_crashes_loses_nothing(
    tmp_path: Path, review_desk_server: ReviewDesk, s3: Any, loop: str
) -> None:
    with sync_playwright() as playwright:
        page = open_browser(playwright, tmp_path)
        sign_in(page, review_desk_server)
        page.click(f"main .card:has-text('{loop}') button")
        frame = task_frame(page, loop)
        frame.locator("input").select_text()
        page.keyboard.type("typed before the crash")
        page.wait_for_selector(".save:has-text('Draft saved')")
        kill_browser(tmp_path)

        page = open_browser(playwright, tmp_path)
        sign_in(page, review_desk_server)
        page.click(f"main .card:has-text('{loop}') button, main button:has-text('{loop}')")
        expect(task_frame(page, loop).locator("input")).to_have_value("typed before the crash")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".outcome")
        assert answer_of(review_desk_server, s3, loop) == {"text": "typed before the crash"}
        page.context.close()


def test_two_tabs_have_one_task_and_one_answer(
    page: Page, review_desk_server: ReviewDesk, s3: Any, loop: str
) -> None:
    sign_in(page, review_desk_server)
    page.click(f"main .card:has-text('{loop}') button")
    first = task_frame(page, loop)
    other = page.context.new_page()
    other.goto(page.url)
    second = task_frame(other, loop)

    first.locator("input").fill("first tab")
    page.wait_for_selector(".save:has-text('Draft saved')")
    second.locator("input").fill("second tab")
    expect(other.locator("#notices")).to_contain_text("open in another tab")
    wait_until(lambda: draft_of(review_desk_server) == {"text": "second tab"})

    first.locator("input").fill("first tab again")
    page.bring_to_front()
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outcome")
    assert answer_of(review_desk_server, s3, loop) == {"text": "first tab again"}

    other.bring_to_front()
    second.locator("input").focus()
    other.keyboard.press("Control+Enter")
    expect(other.locator("#toast")).to_contain_text("answered or opened again in another window")
    other.wait_for_selector(".outcome, .card")
    assert answer_of(review_desk_server, s3, loop) == {"text": "first tab again"}


def draft_of(desk: ReviewDesk) -> Any:
    (task,) = desk.portal().http.get("/portal/api/queue").json()["working"]
    return task["draft"] and task["draft"]["answer"]
