"""From one task to the next: what is asked for on the way, the own history, and taking an answer back."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from reviewing import output_uri, sign_in, task_frame, wait_for_focus, wait_for_offer, wait_for_spare
from support import ReviewDesk, wait_for_json

TEMPLATE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><label>Text <input name="text" value="{{ task.input.text }}"></label></crowd-form>
"""
StartLoops = Callable[..., list[str]]


@pytest.fixture
def desk(tmp_path: Path, prepared_review_desk: ReviewDesk, s3_server: str, s3: Any) -> Iterator[ReviewDesk]:
    """A Review Desk that logs every request."""
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    options = ("--access-log", "--log-format", "json")
    access_key = prepared_review_desk.access_key
    desk = ReviewDesk(tmp_path, s3_server, access_key=access_key, serve_options=options)
    desk.start()
    yield desk
    desk.stop()


@pytest.fixture
def start_loops(desk: ReviewDesk) -> StartLoops:
    def start(count: int, template: str = TEMPLATE, **loop_config: Any) -> list[str]:
        arn = desk.create_flow_definition("texts", template, **loop_config)
        for number in range(1, count + 1):
            desk.client("sagemaker-a2i-runtime").start_human_loop(
                HumanLoopName=f"text-{number}",
                FlowDefinitionArn=arn,
                HumanLoopInput={"InputContent": json.dumps({"text": f"as read {number}"})},
            )
        return [f"text-{number}" for number in range(1, count + 1)]

    return start


def requests_to(desk: ReviewDesk, path: str) -> int:
    """How often a path, as a pattern, was asked for."""
    paths = re.findall(r'"path": "([^"]*)"', desk.log)
    return sum(bool(re.fullmatch(path, found)) for found in paths)


def test_a_later_task_costs_one_request_and_its_page(
    page: Page, desk: ReviewDesk, start_loops: StartLoops
) -> None:
    names = start_loops(4)
    sign_in(page, desk)
    page.keyboard.press("Enter")
    for name in names:
        frame = task_frame(page, name)
        expect(frame.locator("input")).to_have_value(f"as read {name[-1]}")
        page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outcome[data-reason=empty]")
    assert requests_to(desk, "/portal/api/tasks/claim") == 1
    assert requests_to(desk, "/portal/api/tasks/{task_id}/submit") == 4
    # A page comes by its frame's address, with the receipt of the answer before, or ahead of that: not twice.
    assert requests_to(desk, "/portal/frame/{token}") <= 4
    assert requests_to(desk, "/portal/api/tasks/offer") <= 4


def test_the_next_task_finds_its_frame_prepared(
    page: Page, desk: ReviewDesk, start_loops: StartLoops
) -> None:
    first, second, third = start_loops(3)
    sign_in(page, desk)
    page.keyboard.press("Enter")
    for name, following in ((first, second), (second, third)):
        task_frame(page, name)
        wait_for_spare(page)
        spare = page.query_selector("iframe.spare")
        assert spare is not None
        prepared = spare.content_frame()
        page.keyboard.press("Control+Enter")
        frame = task_frame(page, following)
        # Neither loaded anew nor replaced.
        assert frame == prepared
        assert frame.url.endswith("/portal/prepared-frame")
        assert frame.evaluate("document.compatMode") == "BackCompat", (
            "as the template without a doctype has it"
        )
        # Keys, styles, validation: all that begins with the page.
        expect(frame.locator("crowd-form form input")).to_be_focused()
        assert frame.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--crowd-accent')")


OWN_MIND = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><label>Text <input name="text" value="{{ task.input.text }}"></label>
<label>More <input name="more"></label></crowd-form>
<script>
  document.addEventListener("all-crowd-elements-ready", () => document.querySelector("[name=more]").focus());
</script>
"""


def test_the_next_page_is_there_before_its_task_is_claimed(
    page: Page, desk: ReviewDesk, s3: Any, start_loops: StartLoops
) -> None:
    first, second, third = start_loops(3, template=OWN_MIND)
    sign_in(page, desk)
    page.keyboard.press("Enter")
    frame = task_frame(page, first)
    wait_for_focus(frame, "more")
    behind = wait_for_offer(page, "crowd-form form")
    assert behind.locator("input").first.input_value() == "as read 2"
    assert [task["human_loop"] for task in working(desk)] == [first]
    # What is there disturbs nobody: the keys go on where they went.
    page.keyboard.type("x")
    expect(frame.locator("[name=more]")).to_have_value("x")
    expect(page.locator("main iframe:not([inert])")).to_have_count(1)

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("Control+Enter")
    assert task_frame(page, second) == behind
    wait_for_focus(behind, "more")
    assert [url for url in asked if "/portal/frame/" in url] == []
    assert [task["human_loop"] for task in working(desk)] == [second]
    page.keyboard.type("y")
    expect(behind.locator("[name=more]")).to_have_value("y")
    wait_for_offer(page, "crowd-form form")
    page.keyboard.press("Control+Enter")
    task_frame(page, third)
    answers = wait_for_json(s3, output_uri(desk, second))["humanAnswers"]
    assert answers[0]["answerContent"] == {"text": "as read 2", "more": "y"}


def test_another_task_comes_if_somebody_was_faster(
    page: Page, desk: ReviewDesk, start_loops: StartLoops
) -> None:
    first, second, third = start_loops(3)
    desk.add_worker("faster")
    sign_in(page, desk)
    page.keyboard.press("Enter")
    task_frame(page, first)
    wait_for_offer(page, "crowd-form form")
    assert desk.portal("faster").claim(human_loop=second).status_code == 200
    page.keyboard.press("Control+Enter")
    frame = task_frame(page, third)
    expect(frame.locator("input")).to_have_value("as read 3")
    expect(frame.locator("input")).to_be_focused()
    expect(page.locator("main iframe:not(.spare)")).to_have_count(1)


def test_the_page_behind_belongs_to_no_other_task(
    page: Page, desk: ReviewDesk, start_loops: StartLoops
) -> None:
    """A task that is given back is followed by whatever the person chooses, not by what was prepared."""
    start_loops(2)
    sign_in(page, desk)
    page.keyboard.press("Enter")
    task_frame(page, "text-1")
    wait_for_offer(page, "crowd-form form")
    page.keyboard.press("Control+.")
    page.wait_for_selector("main .card button:focus")
    page.keyboard.press("Enter")
    expect(task_frame(page, "text-1").locator("input")).to_have_value("as read 1")


def working(desk: ReviewDesk) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = desk.portal().http.get("/portal/api/queue").json()["working"]
    return tasks


def test_a_frame_that_could_not_be_prepared_is_loaded(
    page: Page, desk: ReviewDesk, start_loops: StartLoops
) -> None:
    first, second, third = start_loops(3)
    page.route("**/portal/prepared-frame", lambda route: route.abort())
    sign_in(page, desk)
    page.keyboard.press("Enter")
    task_frame(page, first)
    page.wait_for_selector("iframe.spare", state="attached")
    page.keyboard.press("Control+Enter")
    task_frame(page, second)
    page.unroute("**/portal/prepared-frame")
    wait_for_spare(page)
    page.route(
        "**/portal/frame/*",
        lambda route: route.abort() if route.request.resource_type == "fetch" else route.continue_(),
    )
    page.keyboard.press("Control+Enter")
    expect(task_frame(page, third).locator("input")).to_have_value("as read 3")


def test_the_history_tells_what_was_done(page: Page, desk: ReviewDesk, start_loops: StartLoops) -> None:
    names = start_loops(22)
    portal = desk.portal()
    for name in names[:21]:
        task = portal.claim(human_loop=name).json()
        if name == names[0]:
            portal.http.post(f"/portal/api/tasks/{task['id']}/decline", json={"reason": "blurred"})
        else:
            portal.submit(task, {"text": "x"}).raise_for_status()
    sign_in(page, desk)
    rows = page.locator("#history tbody tr")
    expect(rows).to_have_count(20)
    expect(rows.first).to_contain_text(names[20])
    expect(rows.first).to_contain_text("Check the form")
    expect(rows.first).to_contain_text("submitted")
    page.get_by_text("Show earlier ones").click()
    expect(rows).to_have_count(21)
    expect(rows.last).to_contain_text(names[0])
    expect(rows.last).to_contain_text("declined")
    expect(rows.last).to_be_focused()
    expect(page.get_by_text("Show earlier ones")).to_have_count(0)

    portal.submit(portal.claim(human_loop=names[21]).json(), {"text": "x"}).raise_for_status()
    page.get_by_text("Refresh").click()
    expect(rows).to_have_count(22)
    expect(rows.first).to_contain_text(names[21])
    expect(rows.last).to_contain_text(names[0])


@pytest.mark.parametrize("way", ["key in the frame", "button"])
def test_an_answer_can_be_taken_back_while_others_are_awaited(
    page: Page, desk: ReviewDesk, start_loops: StartLoops, way: str
) -> None:
    first, second = start_loops(2, TaskCount=2)
    sign_in(page, desk)
    page.keyboard.press("Enter")
    task_frame(page, first).fill("input", "wrong")
    page.keyboard.press("Control+Enter")
    frame = task_frame(page, second)
    frame.fill("input", "begun")
    if way == "button":
        page.click("#toast button")
    else:
        page.keyboard.press("Alt+u")

    frame = task_frame(page, first)
    expect(frame.locator("input")).to_have_value("wrong")
    frame.fill("input", "right")
    page.keyboard.press("Control+Enter")
    # What was begun meanwhile is still there, and still this worker's.
    frame = task_frame(page, second)
    expect(frame.locator("input")).to_have_value("begun")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outcome[data-reason=done]")
    page.keyboard.press("Alt+u")
    expect(task_frame(page, second).locator("input")).to_have_value("begun")


def test_a_loop_that_is_complete_offers_nothing_to_take_back(
    page: Page, desk: ReviewDesk, start_loops: StartLoops
) -> None:
    first, second = start_loops(2)
    sign_in(page, desk)
    page.keyboard.press("Enter")
    task_frame(page, first)
    page.keyboard.press("Control+Enter")
    task_frame(page, second)
    expect(page.locator("#toast")).to_have_text(f"Submitted {first}")
    expect(page.locator("#toast button")).to_have_count(0)
    page.keyboard.press("Alt+u")
    page.wait_for_timeout(300)
    expect(page.locator(".top-task .loop")).to_have_text(second)


def test_a_submission_that_is_sent_again_claims_nothing_more(
    page: Page, desk: ReviewDesk, start_loops: StartLoops
) -> None:
    """The answer is in and the next task claimed, but the receipt is lost on the way."""
    first, second, _ = start_loops(3)
    lost: list[str] = []

    def lose_once(route: Any) -> None:
        answer = route.fetch()
        if lost:
            route.fulfill(response=answer)
        else:
            lost.append(route.request.url)
            route.abort()

    page.route("**/submit", lose_once)
    sign_in(page, desk)
    page.keyboard.press("Enter")
    task_frame(page, first)
    page.keyboard.press("Control+Enter")
    task_frame(page, second)
    assert len(lost) == 1
    working = desk.portal().http.get("/portal/api/queue").json()["working"]
    assert [task["human_loop"] for task in working] == [second]


def test_time_can_be_had_before_it_is_over(page: Page, desk: ReviewDesk, start_loops: StartLoops) -> None:
    """WCAG 2.2.1: people are warned, and have twenty seconds to ask for more by one simple action."""
    [name] = start_loops(1, TaskTimeLimitInSeconds=30)
    sign_in(page, desk)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    frame.fill("input", "begun")
    warning = page.locator(".notice", has_text="left for this task")
    expect(warning).to_have_count(0)
    warning.wait_for(timeout=15_000)
    frame.focus("input")
    page.keyboard.press("Alt+t")
    expect(page.locator("#toast")).to_contain_text("again")
    expect(warning).to_have_count(0)
    expect(page.locator("[role=timer]")).to_contain_text(re.compile("0:(29|28|27)"))
    expect(frame.locator("input")).to_be_focused()
    expect(frame.locator("input")).to_have_value("begun")
    warning.wait_for(timeout=15_000)
    warning.get_by_text("More time").click()
    expect(warning).to_have_count(0)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outcome")
