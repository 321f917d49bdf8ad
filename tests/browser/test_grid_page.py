"""Nine tasks at once: opened by their number, submitted together, each with its own answer."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accessibility import grave_findings
from PIL import Image, ImageDraw
from playwright.sync_api import Frame, Page, Route, expect
from reviewing import sign_in
from support import ReviewDesk, wait_until

MODERATION = "AWS/Rekognition/DetectModerationLabels/Image/V3"
TEMPLATE_FILE = Path(__file__).parents[2] / "include" / "templates" / "image_moderation.liquid.html"
TEMPLATE = TEMPLATE_FILE.read_text("utf-8")
PLAIN = """<meta name="review-desk-grid" content="9">
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><label>Text <input name="text" value="{{ task.input.text }}" required></label></crowd-form>
"""
StartLoops = Callable[..., list[str]]


def labels(number: int) -> list[dict[str, Any]]:
    return [
        {"name": "Violence", "parentName": "", "confidence": 90 + number / 2},
        {"name": "Weapons", "parentName": "Violence", "confidence": 60 + number},
        {"name": "Smoking", "parentName": "Drugs & Tobacco"},
    ]


def picture(number: int) -> bytes:
    image = Image.new("RGB", (640, 420), (40 + 22 * number, 150, 220 - 20 * number))
    ImageDraw.Draw(image).ellipse((180, 60, 460, 360), fill=(230, 210, 40 + 20 * number))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:40].strip("-")


@pytest.fixture
def start_loops(review_desk_server: ReviewDesk, s3: Any, subject: str) -> Iterator[StartLoops]:
    """Start loops of a flow definition of this test's own; returns their names. None is open afterwards."""
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    started: list[str] = []

    def start(count: int, template: str = TEMPLATE) -> list[str]:
        arn = review_desk_server.create_flow_definition(subject, template, TaskTitle=subject)
        names = [f"{subject}-{number}" for number in range(1, count + 1)]
        for number, name in enumerate(names):
            s3.put_object(
                Bucket="documents", Key=f"{number}.png", Body=picture(number), ContentType="image/png"
            )
            task_input = {
                "taskObject": f"s3://documents/{number}.png",
                "labels": labels(number),
                "text": f"as read {number + 1}",
            }
            runtime.start_human_loop(
                HumanLoopName=name,
                FlowDefinitionArn=arn,
                HumanLoopInput={"InputContent": json.dumps(task_input)},
            )
        started.extend(names)
        return names

    yield start
    portal = review_desk_server.portal()
    for task in portal.http.get("/portal/api/queue").json()["working"]:
        portal.http.post(f"/portal/api/tasks/{task['id']}/release", json={})
    for name in started:
        if runtime.describe_human_loop(HumanLoopName=name)["HumanLoopStatus"] == "InProgress":
            runtime.stop_human_loop(HumanLoopName=name)


def open_grid(page: Page, desk: ReviewDesk, subject: str, count: int) -> None:
    sign_in(page, desk)
    page.locator(f".card:has-text('{subject}') button:text-is('Review 9 at once')").focus()
    page.keyboard.press("Enter")
    wait_for_grid(page, count)


def wait_for_grid(page: Page, count: int) -> None:
    """Wait until every task of a grid is shown, and the keys are for all of them."""
    expect(page.locator(".tile")).to_have_count(count)
    expect(page.locator(".tile[data-state=loading]")).to_have_count(0)
    expect(page.locator(".grid")).to_be_focused()


def submit_all(page: Page) -> None:
    """Submit all once every image is shown."""
    for frame in page.frames[1:]:
        expect(frame.locator("img.image")).to_be_visible()
    page.keyboard.press("Enter")


def states(page: Page) -> list[str]:
    return page.locator(".tile .state").all_text_contents()


def frame_of(page: Page, number: int) -> Frame:
    handle = page.locator(f".tile:nth-child({number}) iframe").element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    return frame


def open_task(page: Page, number: int) -> Frame:
    """Open a task by its number; the focus is in it afterwards."""
    page.keyboard.press(str(number))
    expect(page.locator(".tile.large")).to_have_count(1)
    frame = frame_of(page, number)
    frame.wait_for_function("() => document.hasFocus() && document.activeElement !== document.body")
    return frame


def answer_of(s3: Any, name: str) -> dict[str, Any]:
    """What is stored in S3 of a loop's only answer, with its times."""

    bucket, prefix = "answers", f"a2i/{name.rsplit('-', 1)[0]}/"

    def stored() -> list[str]:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return [entry["Key"] for entry in found if f"/{name}/" in entry["Key"]]

    # A loop is complete a moment before its answer is in S3.
    wait_until(stored)
    (answer,) = json.loads(s3.get_object(Bucket=bucket, Key=stored()[0])["Body"].read())["humanAnswers"]
    return dict(answer)


def chosen(answer: dict[str, Any]) -> list[str]:
    return [label["name"] for label in answer["answerContent"][MODERATION]["moderationLabels"]]


def test_nine_are_submitted_at_once_and_two_of_them_changed(
    page: Page, review_desk_server: ReviewDesk, s3: Any, start_loops: StartLoops, subject: str
) -> None:
    names = start_loops(10)
    open_grid(page, review_desk_server, subject, 9)
    places = page.evaluate(
        "Array.from(document.querySelectorAll('.tile'), (tile) => [tile.offsetLeft, tile.offsetTop])"
    )
    assert [len({place[axis] for place in places}) for axis in (0, 1)] == [3, 3]
    assert states(page) == ["as predicted"] * 9
    frame = frame_of(page, 3)
    with_the_rest = [frame.get_by_text("Choose all that apply."), frame.get_by_text("Smoking")]
    with_the_rest.append(frame.locator("crowd-button"))
    expect(frame.get_by_text("Violence")).to_be_visible()
    for shown in with_the_rest:
        expect(shown).to_be_hidden()
    open_task(page, 3)
    for shown in with_the_rest:
        expect(shown).to_be_visible()
    page.keyboard.press("3")
    # Enter leaves at once, before the frame would have reported the change.
    page.keyboard.press("Enter")
    expect(page.locator(".tile.large")).to_have_count(0)
    expect(page.locator(".tile:nth-child(3) .state")).to_have_text("changed")
    open_task(page, 7)
    page.keyboard.press("0")
    page.keyboard.press("Escape")
    expect(page.locator(".tile:nth-child(7) .state")).to_have_text("changed")
    open_task(page, 5)
    page.keyboard.press("Escape")
    expect(page.locator(".grid")).to_be_focused()
    assert states(page).count("as predicted") == 7
    submit_all(page)
    wait_for_grid(page, 1)
    assert page.locator(".tile iframe").get_attribute("data-human-loop") == names[9]

    answers = [answer_of(s3, name) for name in names[:9]]
    expected = [["Violence", "Weapons"]] * 9
    expected[2] = ["Violence", "Weapons", "Smoking"]
    expected[6] = []
    assert [chosen(answer) for answer in answers] == expected
    # Each was asked for its own labels, and has its own confidence and its own time.
    unchanged = [answer["answerContent"][MODERATION]["moderationLabels"] for answer in answers]
    assert unchanged[0] == labels(0)[:2]
    assert unchanged[8] == labels(8)[:2]
    assert len({answer["submissionTime"] for answer in answers}) == 9
    assert len({answer["acceptanceTime"] for answer in answers}) > 1

    expect(frame_of(page, 1).locator("img.image")).to_be_visible()
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outcome[data-reason=empty]")


def test_a_reload_in_the_middle_loses_nothing(
    page: Page, review_desk_server: ReviewDesk, s3: Any, start_loops: StartLoops, subject: str
) -> None:
    names = start_loops(3)
    page.on("dialog", lambda dialog: dialog.accept())
    open_grid(page, review_desk_server, subject, 3)
    open_task(page, 2)
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.locator(".save")).to_have_text("Draft saved")
    frames = page.locator(".tile iframe")
    shown = [frames.nth(place).get_attribute("data-human-loop") for place in range(3)]
    # The first answer gets through, then the browser dies.
    submitted: list[str] = []

    def only_one(route: Route) -> None:
        if submitted:
            route.abort()
        else:
            submitted.append(route.request.url)
            route.continue_()

    page.route("**/submit", only_one)
    submit_all(page)
    page.wait_for_selector(".notice:has-text('cannot be reached')")
    page.reload()
    page.unroute("**/submit")
    wait_for_grid(page, 2)
    assert [frames.nth(place).get_attribute("data-human-loop") for place in range(2)] == shown[1:]
    assert states(page) == ["changed", "as predicted"]
    submit_all(page)
    page.wait_for_selector(".outcome[data-reason=empty]")
    answers = [chosen(answer_of(s3, name)) for name in names]
    assert answers == [["Violence", "Weapons"], ["Weapons"], ["Violence", "Weapons"]]


def test_what_has_no_answer_stays_and_says_why(
    page: Page, review_desk_server: ReviewDesk, s3: Any, start_loops: StartLoops, subject: str
) -> None:
    names = start_loops(3, PLAIN)
    open_grid(page, review_desk_server, subject, 3)
    open_task(page, 2).fill("input", "")
    page.keyboard.press("Escape")
    expect(page.locator(".grid")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".tile:nth-child(2) .problem")).to_have_text("It needs an answer: press 2.")
    expect(page.locator("#toast")).to_have_text("Submitted 2 tasks. 1 task is still here")
    assert states(page) == ["submitted", "not submitted", "submitted"]
    expect(page.locator(".grid")).to_be_focused()
    # What is done cannot be opened again.
    page.keyboard.press("1")
    open_task(page, 2)
    page.keyboard.type("mine")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".tile:nth-child(2) .state")).to_have_text("changed")
    page.keyboard.press("Enter")
    page.wait_for_selector(".outcome[data-reason=empty]")
    stored = [answer_of(s3, name)["answerContent"]["text"] for name in names]
    assert stored == ["as read 1", "mine", "as read 3"]


def test_what_was_not_seen_is_not_submitted(
    page: Page, review_desk_server: ReviewDesk, s3: Any, start_loops: StartLoops, subject: str
) -> None:
    names = start_loops(2)
    page.route("**/portal/media/*/1.png", lambda route: route.abort())
    open_grid(page, review_desk_server, subject, 2)
    expect(frame_of(page, 1).locator("img.image")).to_be_visible()
    page.keyboard.press("Enter")
    problem = page.locator(".tile:nth-child(2) .problem")
    expect(problem).to_have_text("Its image is not shown: press 2, or wait for it.")
    assert states(page) == ["submitted", "not submitted"]
    page.unroute("**/portal/media/*/1.png")
    open_task(page, 2).get_by_text("Try again").click()
    expect(frame_of(page, 2).locator("img.image")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".grid")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector(".outcome[data-reason=empty]")
    assert [chosen(answer_of(s3, name)) for name in names] == [["Violence", "Weapons"]] * 2


def test_one_may_be_declined_and_one_taken_away(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops, subject: str
) -> None:
    names = start_loops(3, PLAIN)
    open_grid(page, review_desk_server, subject, 3)
    open_task(page, 1)
    page.keyboard.press("Control+/")
    page.wait_for_selector("dialog textarea:focus")
    page.keyboard.type("blurred")
    page.click("dialog button.primary")
    expect(page.locator(".tile:nth-child(1) .state")).to_have_text("declined")
    expect(page.locator(".grid")).to_be_focused()
    portal = review_desk_server.portal()
    (taken,) = (
        task
        for task in portal.http.get("/portal/api/queue").json()["working"]
        if task["human_loop"] == names[2]
    )
    portal.http.post(f"/portal/api/tasks/{taken['id']}/release", json={}).raise_for_status()
    page.keyboard.press("Enter")
    # What was given back elsewhere is offered again.
    wait_for_grid(page, 1)
    assert page.locator(".tile iframe").get_attribute("data-human-loop") == names[2]
    expect(page.locator("#toast")).to_contain_text(f"{names[2]}: This task was given back")
    page.keyboard.press("Control+.")
    page.wait_for_selector(".heading")
    assert portal.http.get("/portal/api/queue").json()["working"] == []


def test_the_queue_offers_a_grid_only_where_it_is_allowed(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops, subject: str
) -> None:
    start_loops(2)
    review_desk_server.create_flow_definition(f"{subject}-plain", "<crowd-form></crowd-form>")
    open_grid(page, review_desk_server, subject, 2)
    page.goto("about:blank")
    page.goto(f"{review_desk_server.url}/portal/")
    held = page.locator(".card:has-text('2 tasks')")
    expect(held).to_have_count(1)
    plain = page.locator(f".card:has-text('{subject}-plain')")
    expect(plain.locator("button")).to_have_text(["Start reviewing"])
    held.locator("button").click()
    wait_for_grid(page, 2)


def test_blur_and_grey_are_there_in_every_frame_and_in_the_next_grid(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops, subject: str
) -> None:
    start_loops(3)
    portal = review_desk_server.portal()
    before = {"moderation.grey": True}
    portal.http.put("/portal/api/preferences", json={"task": before}).raise_for_status()

    def expect_filter(number: int, css: str) -> None:
        expect(frame_of(page, number).locator("img.image")).to_have_css("filter", css)

    def kept() -> Any:
        return portal.http.get("/portal/api/preferences").json()["task"]

    open_grid(page, review_desk_server, subject, 3)
    for number in (1, 2, 3):
        expect_filter(number, "grayscale(1)")
    open_task(page, 2)
    page.keyboard.press("b")
    page.keyboard.press("g")
    page.keyboard.press("Escape")
    for number in (1, 2, 3):
        expect_filter(number, "blur(6px)")
    # To look is not to change: the tasks still stand as predicted.
    assert states(page) == ["as predicted"] * 3
    wait_until(lambda: kept() == {"moderation.blur": 6})
    page.reload()
    wait_for_grid(page, 3)
    expect_filter(3, "blur(6px)")
    page.get_by_role("button", name="Preferences", exact=True).click()
    page.get_by_label("Forget the keys").check()
    page.get_by_role("button", name="Save").click()
    for number in (1, 2, 3):
        expect_filter(number, "none")
    assert kept() == {}


def test_it_is_accessible(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops, subject: str
) -> None:
    start_loops(9)
    open_grid(page, review_desk_server, subject, 9)

    def check(*frames: Frame) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for shown in (page, *frames):
                assert grave_findings(shown) == [], scheme

    check(frame_of(page, 1))
    frame = open_task(page, 4)
    page.keyboard.press("3")
    check(frame)
    page.keyboard.press("Escape")
    expect(page.locator(".tile:nth-child(4) .state")).to_have_text("changed")
    check()
    # By Tab alone: the tasks one after the other, and never into a small frame.
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('aria-keyshortcuts')"))
    assert reached == [str(number) for number in range(1, 10)]
    page.keyboard.press("Enter")
    expect(page.locator(".tile:nth-child(9)")).to_have_class("tile large")
    page.keyboard.press("Escape")
    expect(page.locator(".grid")).to_be_focused()
    page.keyboard.press("Alt+i")
    page.wait_for_selector("dialog:has-text('submit all')")
    check()
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 780})
    boxes = [page.locator(".tile").nth(place).bounding_box() for place in range(2)]
    assert boxes[0]
    assert boxes[1]
    assert (boxes[0]["x"], boxes[0]["width"]) == (boxes[1]["x"], boxes[1]["width"])
    assert boxes[0]["width"] > 300
    check()
