"""A reviewer's day: signing in, correcting forms with the keyboard alone, and what goes wrong meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page, expect
from reviewing import (
    FORM_REVIEW,
    TASK_FRAME,
    focused,
    make_fields,
    output_uri,
    sign_in,
    start_form_loop,
    states,
    task_frame,
    type_credentials,
    wait_for_focus,
)
from support import ReviewDesk, wait_for_json, wait_until

StartLoops = Callable[..., list[str]]


@pytest.fixture
def start_loops(review_desk_server: ReviewDesk, s3: Any, request: pytest.FixtureRequest) -> StartLoops:
    """Start loops of a flow definition of this test's own; returns their names."""
    subject = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:40].strip("-")

    def start(count: int = 1, fields: list[dict[str, Any]] | None = None, **loop_config: Any) -> list[str]:
        arn = review_desk_server.create_flow_definition(
            subject, FORM_REVIEW.read_text(), TaskTitle=f"Forms: {subject}", **loop_config
        )
        names = [f"{subject}-{number}" for number in range(1, count + 1)]
        for name in names:
            start_form_loop(review_desk_server, s3, arn, name, fields or make_fields())
        return names

    return start


@pytest.fixture(autouse=True)
def empty_queues(review_desk_server: ReviewDesk) -> Any:
    """Leave nothing open for the next test."""
    yield
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    portal = review_desk_server.portal()
    for entry in portal.http.get("/portal/api/queue").json()["working"]:
        portal.http.post(f"/portal/api/tasks/{entry['id']}/release", json={})
    for flow in portal.http.get("/portal/api/queue").json()["flow_definitions"]:
        loops = runtime.list_human_loops(FlowDefinitionArn=flow["flow_definition"])["HumanLoopSummaries"]
        for loop in loops:
            if loop["HumanLoopStatus"] == "InProgress":
                runtime.stop_human_loop(HumanLoopName=loop["HumanLoopName"])


def test_keyboard_alone_from_sign_in_to_the_next_task(
    page: Page, review_desk_server: ReviewDesk, s3: Any, start_loops: StartLoops
) -> None:
    first, second = start_loops(2)
    sign_in(page, review_desk_server)
    assert page.evaluate("document.activeElement.textContent") == "Start reviewing"
    page.keyboard.press("Enter")

    frame = task_frame(page, first)
    order = frame.eval_on_selector_all(".field input", "(inputs) => inputs.map((input) => input.name)")
    assert order == ["salary", "last_name", "phone", "email", "city", "first_name"]
    wait_for_focus(frame, "salary")
    page.keyboard.type("30,000")
    page.keyboard.press("Enter")
    wait_for_focus(frame, "last_name")
    caret = frame.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]")
    assert caret == [len("L0velace")] * 2
    for _ in range(len("0velace")):
        page.keyboard.press("Backspace")
    page.keyboard.type("ovelace")
    page.keyboard.press("Enter")
    wait_for_focus(frame, "phone")
    page.keyboard.press("Control+b")
    page.keyboard.press("Enter")
    wait_for_focus(frame, "email")
    page.keyboard.press("Shift+Enter")
    wait_for_focus(frame, "phone")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    wait_for_focus(frame, "Submit")
    assert states(frame) == {
        "salary": "corrected",
        "last_name": "corrected",
        "phone": "Value blank",
        "email": "accepted",
        "city": "not seen",
        "first_name": "not seen",
    }
    assert frame.text_content("#seen-count") == "4 of 6 seen"
    page.keyboard.press("Enter")

    frame = task_frame(page, second)
    wait_for_focus(frame, "salary")
    output = wait_for_json(s3, output_uri(review_desk_server, first))
    assert [answer["answerContent"] for answer in output["humanAnswers"]] == [
        {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada@example.org",
            "city": "London",
            "salary": "30,000",
        }
    ]

    page.keyboard.press("Control+Enter")
    expect(frame.locator("#warning")).to_contain_text("3 fields to check are not seen yet")
    wait_for_focus(frame, "last_name")
    page.keyboard.press("Control+Enter")
    outcome = page.wait_for_selector(".outcome")
    assert outcome is not None
    assert outcome.get_attribute("data-reason") == "done" or "All done" in outcome.inner_text()


def test_a_correct_form_of_seven_fields_takes_eight_keys(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    rows = tuple((f"field_{number}", f"value {number}", 50.0 + number) for number in range(7))
    (name,) = start_loops(fields=make_fields(rows))
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    for _ in range(7):
        page.keyboard.press("Enter")
    assert set(states(frame).values()) == {"accepted"}
    page.keyboard.press("Enter")
    page.wait_for_selector(".outcome")


def test_page_and_fields_go_together(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    frame.wait_for_selector(".box")

    page.keyboard.press("Enter")
    active = frame.locator(".box.active")
    assert active.get_attribute("aria-label") == "Go to Last name"
    canvas, box = frame.locator("#canvas").bounding_box(), active.bounding_box()
    assert canvas is not None
    assert box is not None
    assert canvas["x"] <= box["x"]
    assert box["x"] + box["width"] <= canvas["x"] + canvas["width"]
    assert canvas["y"] <= box["y"]
    assert box["y"] + box["height"] <= canvas["y"] + canvas["height"]
    assert box["height"] >= 30

    page.keyboard.press("Alt+z")
    whole = frame.locator("#page").bounding_box()
    assert whole is not None
    assert whole["height"] <= canvas["height"]
    frame.get_by_label("Go to Phone", exact=True).click()
    wait_for_focus(frame, "phone")

    for _ in range(20):
        frame.click("#zoom-in")
    assert frame.text_content("#zoom") == "800 %"
    for _ in range(30):
        frame.click("#zoom-out")
    assert frame.text_content("#zoom") == "25 %"
    image, box = frame.locator("#image").bounding_box(), active.bounding_box()
    assert image is not None
    assert box is not None
    # Phone is the fourth line of the page; the box is where it is at every zoom.
    assert (box["y"] - image["y"]) / image["height"] == pytest.approx((388 - 3) / 800, abs=0.01)

    page.keyboard.press("Alt+h")
    assert frame.locator("#help").is_visible()
    page.keyboard.press("Escape")
    wait_for_focus(frame, "phone")


def test_a_draft_survives_a_reload(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    page.keyboard.type("12,500")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+b")
    page.wait_for_selector(".save:has-text('Draft saved')", timeout=2_500)
    page.evaluate("localStorage.clear()")
    page.reload()

    frame = task_frame(page, name)
    expect(frame.locator("[name=salary]")).to_have_value("12,500")
    expect(frame.locator("[name=last_name]")).to_have_value("")
    expect(frame.locator("[name=city]")).to_have_value("London")
    assert states(frame)["last_name"] == "Value blank"


def test_accepted_fields_stay_accepted(
    page: Page, review_desk_server: ReviewDesk, s3: Any, start_loops: StartLoops
) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    page.keyboard.press("Enter")
    page.keyboard.press("Control+k")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    before = states(frame)
    assert {before[field] for field in ("salary", "phone")} == {"accepted"}
    assert before["last_name"] == "Key not in document"
    page.wait_for_selector(".save:has-text('Draft saved')", timeout=2_500)
    # Another browser, as after a crash or a new sign-in: nothing but the service has it.
    page.evaluate("localStorage.clear()")
    page.reload()

    frame = task_frame(page, name)
    expect(frame.locator("[name=last_name]")).to_have_attribute("placeholder", "Key not in document")
    after = states(frame)
    assert {field: after[field] for field in ("salary", "last_name", "phone")} == {
        field: before[field] for field in ("salary", "last_name", "phone")
    }
    assert after["email"] == "not seen"
    page.keyboard.press("Control+Enter")
    wait_for_focus(frame, "email")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outcome")
    answer = wait_for_json(s3, output_uri(review_desk_server, name))["humanAnswers"][0]["answerContent"]
    assert answer == {
        "first_name": "Ada",
        "last_name:mark": "missing",
        "email": "ada@example.org",
        "phone": "555-0100",
        "city": "London",
    }


@pytest.mark.parametrize(
    ("key", "text", "mark"),
    [
        ("Control+b", "Value blank", None),
        ("Control+k", "Key not in document", "missing"),
        ("Control+u", "Unreadable", "unreadable"),
        ("Alt+n", "Not a pair", "notPair"),
    ],
)
def test_mark_beside_a_value(
    page: Page,
    review_desk_server: ReviewDesk,
    s3: Any,
    start_loops: StartLoops,
    key: str,
    text: str,
    mark: str | None,
) -> None:
    (name,) = start_loops(fields=make_fields((("pay", "1,250", 50.0), ("phone", "555-0100", 60.0))))
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    page.keyboard.press(key)
    assert states(frame)["pay"] == text
    expect(frame.get_by_role("button", name=text)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press(key)
    expect(frame.locator("[name=pay]")).to_have_value("1,250")
    assert states(frame)["pay"] == "seen"
    page.keyboard.press(key)
    page.keyboard.type("7")
    assert states(frame)["pay"] == "corrected"
    frame.get_by_role("button", name=text).click()
    wait_for_focus(frame, "pay")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector(".outcome")
    answer = wait_for_json(s3, output_uri(review_desk_server, name))["humanAnswers"][0]["answerContent"]
    assert answer == {"phone": "555-0100"} | ({"pay:mark": mark} if mark else {})


def test_the_page_turns_with_its_boxes_and_strips(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    frame.wait_for_selector(".box")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    image, box = frame.locator("#image").bounding_box(), frame.locator(".box.active").bounding_box()
    strip = frame.locator(".field.active .snippet").bounding_box()
    sheet = frame.locator(".field.active .snippet i").bounding_box()
    assert image is not None
    assert box is not None
    assert strip is not None
    assert sheet is not None
    assert image["height"] / image["width"] == pytest.approx(1000 / 800, rel=0.01)
    assert box["height"] > box["width"]
    # Last name stands 55 of 1000 from the left and 188 to 228 of 800 from the top: clockwise that is the right side.
    right = image["x"] + image["width"] - box["x"] - box["width"]
    assert right / image["width"] == pytest.approx((188 - 3) / 800, abs=0.01)
    assert (box["y"] - image["y"]) / image["height"] == pytest.approx((55 - 4) / 1000, abs=0.01)
    assert strip["y"] + strip["height"] / 2 == pytest.approx(
        sheet["y"] + sheet["height"] * (55 + 150) / 1000, abs=2
    )
    page.keyboard.press("R")
    upright = frame.locator("#image").bounding_box()
    assert upright is not None
    assert upright["width"] > upright["height"]


def test_keys_of_the_form_can_be_changed_and_letters_switched_off(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    frame.wait_for_selector(".box")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    frame.get_by_role("button", name="Value blank: Ctrl+B").click()
    page.keyboard.press("x")
    expect(frame.locator("#key-hint")).to_contain_text("A key that types a character")
    frame.get_by_role("button", name="Value blank: Ctrl+B").click()
    page.keyboard.press("Control+u")
    expect(frame.get_by_role("button", name="Unreadable: Ctrl+B")).to_be_visible()
    frame.locator("#singles").uncheck()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert grave_findings(frame) == []
    page.keyboard.press("Control+Enter")
    assert frame.locator("#warning").is_hidden()
    page.keyboard.press("Escape")
    wait_for_focus(frame, "salary")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+u")
    assert states(frame)["last_name"] == "Value blank"
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    image = frame.locator("#image").bounding_box()
    assert image is not None
    assert image["width"] > image["height"]

    # The next form has them, too.
    page.wait_for_timeout(600)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    frame = task_frame(page, name)
    page.keyboard.press("Alt+h")
    expect(frame.get_by_role("button", name="Unreadable: Ctrl+B")).to_be_visible()
    expect(frame.locator("#singles")).not_to_be_checked()
    frame.locator("#keys-reset").click()
    expect(frame.get_by_role("button", name="Value blank: Ctrl+B")).to_be_visible()
    kept = review_desk_server.portal().http
    wait_until(lambda: kept.get("/portal/api/template-preferences").json() == {"flow_definitions": {}})


def test_keys_typed_before_the_form_has_the_focus_are_the_forms(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    """The script of the elements is slow, so the frame is long in coming; meanwhile keys reach the portal's page."""
    first, second = start_loops(2)
    sign_in(page, review_desk_server)

    def slowly(route: Any) -> None:
        page.wait_for_timeout(500)
        route.continue_()

    page.route("**/crowd-html-elements.js*", slowly, times=1)
    page.keyboard.press("Enter")
    page.wait_for_selector(f".top-task .loop:text-is('{first}')")
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.type("30,0000")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    frame = task_frame(page, first)
    wait_for_focus(frame, "last_name")
    expect(frame.locator("[name=salary]")).to_have_value("30,000")
    page.keyboard.type("!")
    expect(frame.locator("[name=last_name]")).to_have_value("L0velace!")
    assert states(frame)["salary"] == "corrected"

    # A click on the page's own ground takes the focus away, but not the keys.
    page.click(".brand")
    page.keyboard.type("?")
    wait_for_focus(frame, "last_name")
    expect(frame.locator("[name=last_name]")).to_have_value("L0velace!?")
    page.click(".brand")
    for _ in range(3):
        page.keyboard.press("Enter")
    wait_for_focus(frame, "Submit")
    page.click(".brand")
    page.keyboard.press("Enter")
    wait_for_focus(task_frame(page, second), "salary")


def test_no_key_is_lost_as_soon_as_a_form_is_painted(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    rows = tuple((f"field_{number}", f"value {number}", 50.0 + number) for number in range(7))
    names = start_loops(6, fields=make_fields(rows))
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    for name in names:
        shown = f"{TASK_FRAME}[data-human-loop='{name}']"
        page.wait_for_selector(shown)
        for _ in range(7):
            page.keyboard.press("Enter")
        frame = task_frame(page, name)
        wait_for_focus(frame, "Submit")
        assert set(states(frame).values()) == {"accepted"}
        page.keyboard.press("Enter")
    page.wait_for_selector(".outcome")


def test_a_key_in_a_form_that_is_being_built_is_not_undone(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    """The elements are ready after the template's script: what was typed in between stands, as does the focus."""
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    page.keyboard.press("Enter")
    wait_for_focus(frame, "last_name")
    frame.evaluate("document.dispatchEvent(new CustomEvent('all-crowd-elements-ready', { bubbles: true }))")
    assert focused(frame) == "last_name"


def test_a_session_that_ends_loses_nothing(
    page: Page, review_desk_server: ReviewDesk, s3: Any, start_loops: StartLoops
) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    page.context.clear_cookies()
    page.keyboard.type("77")

    page.wait_for_selector("dialog.sign-in-again input[type=password]:focus")
    expect(page.locator("dialog #username")).to_have_value("worker-1")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+a")
    type_credentials(page, "worker-1")
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_selector(".save:has-text('Draft saved')")
    assert frame.input_value("[name=salary]") == "77"
    frame.click("#submit")
    frame.click("#submit")
    page.wait_for_selector(".outcome")
    answer = wait_for_json(s3, output_uri(review_desk_server, name))["humanAnswers"][0]
    assert answer["answerContent"]["salary"] == "77"


def test_a_service_that_is_away_gets_the_answer_when_it_is_back(
    page: Page, review_desk_server: ReviewDesk, s3: Any, start_loops: StartLoops
) -> None:
    (name,) = start_loops()
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    frame = task_frame(page, name)
    frame.wait_for_selector(".box")
    review_desk_server.kill()
    try:
        page.keyboard.type("55")
        page.wait_for_selector(".notice:has-text('Your draft is kept in this browser')")
        kept = page.evaluate("Object.values(localStorage).map((value) => JSON.parse(value).answer.salary)")
        assert kept == ["55"]
        page.keyboard.press("Control+Enter")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".notice:has-text('Your answer is kept; trying again')")
    finally:
        review_desk_server.start()
    page.wait_for_selector(".outcome", timeout=20_000)
    answer = wait_for_json(s3, output_uri(review_desk_server, name))["humanAnswers"][0]
    assert answer["answerContent"]["salary"] == "55"
    assert page.evaluate("localStorage.length") == 0


def test_release_and_decline(page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops) -> None:
    first, second = start_loops(2)
    sign_in(page, review_desk_server)
    page.keyboard.press("Enter")
    task_frame(page, first)
    page.keyboard.press("Control+/")
    page.wait_for_selector("dialog textarea:focus")
    page.keyboard.type("I know this person.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    task_frame(page, second)
    page.keyboard.type("1")
    page.keyboard.press("Control+.")
    page.wait_for_selector("dialog:has-text('Release this task?')")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("Control+.")
    page.click("dialog button.primary")
    page.wait_for_selector("main .card button:focus")
    portal = review_desk_server.portal("worker-2")
    taken = {portal.claim(human_loop=name).status_code for name in (first, second)}
    assert taken == {200}
    for task in portal.http.get("/portal/api/queue").json()["working"]:
        portal.http.post(f"/portal/api/tasks/{task['id']}/release", json={})


def test_tasks_that_others_hold_are_said_to_be_held(
    page: Page, review_desk_server: ReviewDesk, start_loops: StartLoops
) -> None:
    (name,) = start_loops(TaskTimeLimitInSeconds=600)
    sign_in(page, review_desk_server)
    other = review_desk_server.portal("worker-2")
    task = other.claim(human_loop=name).json()
    page.keyboard.press("Enter")
    outcome = page.wait_for_selector(".outcome")
    assert outcome is not None
    assert outcome.get_attribute("data-reason") == "held"
    assert "The next one is free in 10 minutes" in outcome.inner_text()
    other.http.post(f"/portal/api/tasks/{task['id']}/release", json={})


def test_a_template_without_a_page_is_no_dead_end(page: Page, review_desk_server: ReviewDesk) -> None:
    """A frame that never answers is shown with a notice, and the task can still be given back."""
    arn = review_desk_server.create_flow_definition("silent", "<p>no script, no form</p>")
    review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
        HumanLoopName="silent-1", FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
    )
    sign_in(page, review_desk_server)
    page.click("[aria-label='Start reviewing: Check the form']")
    page.wait_for_selector(".notice:has-text('does not answer')")
    page.wait_for_selector(TASK_FRAME)
    page.click("text=Release")
    page.wait_for_selector("main .card button")
    wait_until(lambda: page.evaluate("document.querySelector('.notice') === null"))
