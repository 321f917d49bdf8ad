"""The leads' pages in a real browser: numbers, the search of human loops, stopping several, reassigning a task."""

from __future__ import annotations

import csv
import io
import json

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page, expect
from reviewing import task_frame, type_credentials
from support import PASSWORD, ReviewDesk

TEMPLATE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><input name="city" value="{{ task.input.fields[0].value }}"></crowd-form>
"""
FIELDS = [{"name": "city", "value": "Londn"}, {"name": "first_name", "value": "Ada"}]


@pytest.fixture(scope="module")
def desk(review_desk_server: ReviewDesk) -> ReviewDesk:
    """A Review Desk with a lead, two flow definitions and a little history."""
    desk = review_desk_server
    desk.command(
        "worker", "create", "lead-1", "--team", "reviewers", "--lead", "--password-stdin", stdin=PASSWORD
    )
    forms = desk.create_flow_definition("forms", TEMPLATE, TaskTitle="Check the forms")
    pairs = desk.create_flow_definition("pairs", TEMPLATE, TaskCount=2)
    for number in range(1, 4):
        start(desk, forms, f"answered-{number}")
        submit(desk, "worker-1", f"answered-{number}", "London" if number > 1 else "Londn")
    start(desk, pairs, "agreed")
    for worker in ("worker-1", "worker-2"):
        submit(desk, worker, "agreed", "London")
    return desk


def start(desk: ReviewDesk, flow_definition: str, name: str) -> None:
    desk.client("sagemaker-a2i-runtime").start_human_loop(
        HumanLoopName=name,
        FlowDefinitionArn=flow_definition,
        HumanLoopInput={"InputContent": json.dumps({"fields": FIELDS})},
    )


def flow(desk: ReviewDesk, name: str) -> str:
    arn: str = desk.client("sagemaker").describe_flow_definition(FlowDefinitionName=name)["FlowDefinitionArn"]
    return arn


def submit(desk: ReviewDesk, worker: str, name: str, city: str) -> None:
    portal = desk.portal(worker)
    task = portal.claim(human_loop=name).json()
    portal.submit(task, {"city": city, "first_name": "Ada"}).raise_for_status()


def status(desk: ReviewDesk, name: str) -> str:
    described = desk.client("sagemaker-a2i-runtime").describe_human_loop(HumanLoopName=name)
    return str(described["HumanLoopStatus"])


def open_as(page: Page, desk: ReviewDesk, username: str, address: str = "") -> None:
    page.goto(f"{desk.url}/portal/{address}")
    page.wait_for_selector("#username:focus")
    type_credentials(page, username)


def check(page: Page) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert grave_findings(page) == [], scheme


def heading(page: Page, text: str) -> None:
    """Wait for a page by its heading, which has the focus."""
    page.wait_for_selector(f"main h1:focus:text-is('{text}')")


def press_until(page: Page, focused: str, key: str = "Tab", most: int = 60) -> None:
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", focused):
            return
    raise AssertionError(f"{key} does not lead to {focused}")


def test_the_numbers_of_the_team(page: Page, desk: ReviewDesk) -> None:
    open_as(page, desk, "lead-1")
    page.click("nav >> text=Team")
    heading(page, "Team")
    expect(page.locator("tr:has-text('Check the forms') td").nth(2)).to_have_text("3")
    expect(page.locator(".figures li:has-text('Answers') strong").first).to_have_text("5")
    assert page.locator(".chart svg[role=img]").count() == 3
    page.click(".chart:has-text('correct a field') summary")
    rows = page.locator(".chart:has-text('correct a field') tbody tr").all_inner_texts()
    assert [row.split("\t") for row in rows] == [["city", "80 % of 5"], ["first_name", "0 % of 5"]]
    check(page)
    page.select_option("#subject", label="pairs")
    page.select_option("#days", label="Today")
    page.click("#show-report")
    expect(page.locator(".figures strong").first).to_have_text("2")
    expect(page.locator("#show-report")).to_be_focused()
    expect(page.locator(".figures li:has-text('agree') strong")).to_have_text("100 %")
    check(page)
    page.go_back()
    expect(page.locator(".figures strong").first).to_have_text("5")
    page.go_back()
    page.wait_for_selector("h1:text-is('Tasks')")


def test_the_numbers_as_a_file(page: Page, desk: ReviewDesk) -> None:
    open_as(page, desk, "lead-1", f"#/team?flow_definition={flow(desk, 'forms')}&days=1")
    heading(page, "Team")
    with page.expect_download() as download:
        page.click("text=Save as CSV")
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert download.value.suggested_filename == "report.csv"
    assert {"section": "edits", "name": "city", "value": "2", "unit": "answers", "of": "3"} in rows


def test_loops_are_searched_and_stopped_with_the_keyboard(page: Page, desk: ReviewDesk) -> None:
    arn = flow(desk, "forms")
    for number in (1, 2, 3):
        start(desk, arn, f"batch-{number}")
    holder = desk.portal("worker-2")
    holder.claim(human_loop="batch-2").raise_for_status()
    open_as(page, desk, "lead-1", "#/team/loops")
    heading(page, "Human loops")
    press_until(page, "#loop-name")
    page.keyboard.type("batch")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(3)
    assert page.url.endswith("#/team/loops?name=batch")
    check(page)
    for name in ("batch-2", "batch-1"):
        press_until(page, f"[aria-label='Choose {name}']")
        page.keyboard.press("Space")
    expect(page.locator(".chosen")).to_have_text("2 human loops chosen")
    # Behind the lead's back.
    desk.client("sagemaker-a2i-runtime").stop_human_loop(HumanLoopName="batch-1")
    desk.client("sagemaker-a2i-runtime").delete_human_loop(HumanLoopName="batch-1")
    press_until(page, "#stop", "Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog h2:text-is('Stop 2 human loops?')")
    check(page)
    page.keyboard.press("Escape")
    expect(page.locator("#stop")).to_be_focused()
    assert status(desk, "batch-2") == "InProgress"
    page.keyboard.press("Enter")
    press_until(page, "dialog button.primary")
    page.keyboard.press("Enter")
    expect(page.locator(".results h2")).to_have_text("Stop was asked for 2, done for 1.")
    assert page.locator(".results li").all_inner_texts() == [
        "batch-2 – Stopping: somebody works on it still.",
        "batch-1 – The human loop 'batch-1' does not exist, or it is of another team.",
    ]
    expect(page.locator(".results h2")).to_be_focused()
    expect(page.locator("tr:has-text('batch-2')")).to_contain_text("Stopping")
    check(page)
    assert (status(desk, "batch-2"), status(desk, "batch-3")) == ("Stopping", "InProgress")
    page.check("[aria-label='Choose all that are shown']")
    page.click("#requeue")
    page.click("dialog button.primary")
    expect(page.locator(".results h2")).to_have_text("Requeue was asked for 2, done for 1.")
    assert page.locator(".results li").all_inner_texts() == [
        "batch-3 – Nobody is working on it.",
        "batch-2 – 1 task requeued.",
    ]
    assert status(desk, "batch-2") == "Stopped"
    with page.expect_download() as download:
        page.click("text=Save as CSV")
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert [(row["name"], row["status"]) for row in rows] == [
        ("batch-3", "InProgress"),
        ("batch-2", "Stopped"),
    ]


def test_more_loops_than_one_page(page: Page, desk: ReviewDesk) -> None:
    arn = desk.create_flow_definition("many", TEMPLATE)
    for number in range(52):
        start(desk, arn, f"many-{number}")
    open_as(page, desk, "lead-1", "#/team/loops?name=many-")
    heading(page, "Human loops")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.click("text=Show more")
    expect(page.locator("tbody tr")).to_have_count(52)
    expect(page.locator("tbody tr:nth-child(51) a")).to_be_focused()
    expect(page.locator("#more")).to_be_hidden()


def test_a_task_is_given_to_another_and_taken_away(page: Page, desk: ReviewDesk) -> None:
    start(desk, flow(desk, "forms"), "given")
    desk.portal("worker-3").claim(human_loop="given").raise_for_status()
    open_as(page, desk, "lead-1", "#/team/loops?name=given")
    page.click("a:text-is('given')")
    heading(page, "given")
    check(page)
    page.click("text=Reassign…")
    page.wait_for_selector("dialog")
    check(page)
    page.select_option("#new-holder", "lead-1")
    page.keyboard.press("Tab")
    page.click("dialog button.primary")
    expect(page.locator(".said")).to_have_text("lead-1 has the task now.")
    states = "Array.from(document.querySelectorAll('table[aria-labelledby=tasks-heading] tbody tr'),"
    states += " (row) => row.innerText.split('\\t').slice(0, 2).join(' '))"
    assert page.evaluate(states) == ["worker-3 requeued", "lead-1 in work"]
    [held] = desk.portal("lead-1").http.get("/portal/api/queue").json()["working"]
    assert held["human_loop"] == "given"
    page.click("[aria-label='Requeue the task of lead-1']")
    page.click("dialog button.primary")
    expect(page.locator(".said")).to_have_text("Taken from lead-1; other reviewers can take it.")
    assert page.evaluate(states) == ["worker-3 requeued", "lead-1 requeued"]
    check(page)
    page.click("text=Stop this human loop…")
    page.click("dialog button.primary")
    expect(page.locator(".said")).to_have_text("Stopped.")
    assert status(desk, "given") == "Stopped"
    page.go_back()
    heading(page, "Human loops")
    assert page.input_value("#loop-name") == "given"


def test_a_refusal_is_said_in_its_own_words(page: Page, desk: ReviewDesk) -> None:
    start(desk, flow(desk, "forms"), "refused")
    desk.portal("worker-3").claim(human_loop="refused").raise_for_status()
    open_as(page, desk, "lead-1", "#/team/loops/refused")
    heading(page, "refused")
    page.click("text=Reassign…")
    page.select_option("#new-holder", "worker-1")
    desk.command("worker", "disable", "worker-1")
    try:
        page.click("dialog button.primary")
        expect(page.locator(".said")).to_have_text("worker-1 is disabled.")
    finally:
        desk.command("worker", "enable", "worker-1")


def test_back_from_a_task_to_the_team_leaves_the_task_held(page: Page, desk: ReviewDesk) -> None:
    start(desk, flow(desk, "pairs"), "left-for-later")
    open_as(page, desk, "lead-1", "#/team")
    heading(page, "Team")
    page.click("nav >> text=Tasks")
    page.click(".card:has-text('pairs') button")
    task_frame(page, "left-for-later")
    assert page.locator("nav.pages").count() == 0
    page.go_back()
    heading(page, "Team")
    page.click("nav >> text=Tasks")
    page.click("[aria-label='Continue left-for-later']")
    task_frame(page, "left-for-later")
    page.keyboard.press("Control+.")
    page.wait_for_selector("h1:text-is('Tasks')")


def test_what_is_not_there_is_said(page: Page, desk: ReviewDesk) -> None:
    open_as(page, desk, "lead-1", "#/team/loops/no-such-loop")
    page.wait_for_selector("h1:has-text('does not exist, or it is of another team')")
    check(page)


def test_reviewers_have_no_such_pages(page: Page, desk: ReviewDesk) -> None:
    open_as(page, desk, "worker-1", "#/team")
    page.wait_for_selector("h1:text-is('Tasks')")
    assert page.locator("nav.pages").count() == 0
