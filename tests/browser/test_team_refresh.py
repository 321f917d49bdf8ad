"""The leads' pages show how things stand now, by themselves, and leave the lead's hands alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page, expect
from reviewing import type_credentials
from support import PASSWORD, ReviewDesk
from test_team_pages import TEMPLATE, start, submit

A_WHILE = 31_000


@pytest.fixture(scope="module")
def desk(review_desk_server: ReviewDesk) -> ReviewDesk:
    """A Review Desk with a lead."""
    review_desk_server.command(
        "worker", "create", "lead-r", "--team", "reviewers", "--lead", "--password-stdin", stdin=PASSWORD
    )
    return review_desk_server


@pytest.fixture
def flow(desk: ReviewDesk, request: pytest.FixtureRequest) -> Iterator[str]:
    """A flow definition of the test's own, with three loops that are open and nobody's."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:30].strip("-")
    arn = desk.create_flow_definition(name, TEMPLATE, TaskTitle=name)
    for number in (1, 2, 3):
        start(desk, arn, f"{name}-{number}")
    yield arn
    runtime = desk.client("sagemaker-a2i-runtime")
    for summary in runtime.list_human_loops(FlowDefinitionArn=arn)["HumanLoopSummaries"]:
        if summary["HumanLoopStatus"] == "InProgress":
            runtime.stop_human_loop(HumanLoopName=summary["HumanLoopName"])


def name_of(flow: str) -> str:
    return flow.rsplit("/", 1)[1]


def open_page(page: Page, desk: ReviewDesk, address: str) -> list[str]:
    """Open a page of the lead; returns the addresses that it asks for from then on, as they come in."""
    page.clock.install()
    page.goto(f"{desk.url}/portal/{address}")
    page.wait_for_selector("#username:focus")
    type_credentials(page, "lead-r")
    page.wait_for_selector("main h1:focus")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def mark_focus(page: Page, selector: str) -> None:
    """Give the focus to an element, and remember which one it was."""
    page.locator(selector).focus()
    page.evaluate("window.marked = document.activeElement")


def has_marked_focus(page: Page) -> bool:
    return bool(page.evaluate("window.marked === document.activeElement && window.marked.isConnected"))


def scroll_position(page: Page) -> float:
    return float(page.evaluate("document.querySelector('.sheet').scrollTop"))


def set_visible(page: Page, state: str) -> None:
    page.evaluate(
        "(state) => { Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        state,
    )


def test_new_numbers_come_and_nothing_else_moves(page: Page, desk: ReviewDesk, flow: str) -> None:
    page.set_viewport_size({"width": 900, "height": 500})
    submit(desk, "worker-1", f"{name_of(flow)}-1", "London")
    open_page(page, desk, f"#/team?flow_definition={flow}&days=1")
    answers = page.locator(".figures strong").first
    expect(answers).to_have_text("1")
    page.select_option("#days", label="30 days")
    table = page.locator(".chart:has-text('correct a field')")
    table.locator("summary").click()
    mark_focus(page, ".chart:has-text('correct a field') summary")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#now-heading'))")
    before = scroll_position(page)
    assert before > 0
    submit(desk, "worker-1", f"{name_of(flow)}-2", "London")
    page.clock.fast_forward(A_WHILE)
    expect(answers).to_have_text("2")
    expect(page.locator(f"tr[data-key='{flow}'] td").nth(2)).to_have_text("2")
    expect(table.locator("tbody td").first).to_have_text("100 % of 2")
    assert has_marked_focus(page)
    expect(table.locator("details")).to_have_attribute("open", "")
    expect(page.locator("#days")).to_have_value("30")
    assert page.evaluate("getSelection().toString()") == "Now"
    after = scroll_position(page)
    assert after == before
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert grave_findings(page) == []


def test_what_is_chosen_stays_chosen(page: Page, desk: ReviewDesk, flow: str) -> None:
    name = name_of(flow)
    asked = open_page(page, desk, f"#/team/loops?name={name}")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    for number in (1, 3):
        page.get_by_label(f"Choose {name}-{number}").check()
    mark_focus(page, f"[aria-label='Choose {name}-1']")
    start(desk, flow, f"{name}-4")
    submit(desk, "worker-1", f"{name}-3", "London")
    page.clock.fast_forward(A_WHILE)
    expect(rows).to_have_count(4)
    expect(rows.filter(has_text=f"{name}-3")).to_contain_text("Completed")
    assert has_marked_focus(page)
    expect(page.get_by_label(f"Choose {name}-1")).to_be_checked()
    expect(page.get_by_label(f"Choose {name}-4")).not_to_be_checked()
    expect(page.locator(".chosen")).to_have_text("2 human loops chosen")

    page.click("#stop")
    expect(page.locator("dialog[open]")).to_have_count(1)
    asked.clear()
    page.clock.fast_forward(A_WHILE)
    page.keyboard.press("Escape")
    expect(page.locator("#stop")).to_be_focused()
    assert asked == []

    # What is no longer found cannot be stopped by mistake.
    desk.client("sagemaker-a2i-runtime").delete_human_loop(HumanLoopName=f"{name}-3")
    page.clock.fast_forward(A_WHILE)
    expect(rows).to_have_count(3)
    expect(page.locator(".chosen")).to_have_text("1 human loop chosen")


def test_a_loops_own_page_follows_its_tasks(page: Page, desk: ReviewDesk, flow: str) -> None:
    name = f"{name_of(flow)}-1"
    portal = desk.portal("worker-1")
    task: Any = portal.claim(human_loop=name).json()
    open_page(page, desk, f"#/team/loops/{name}")
    mark_focus(page, "[aria-label*='Requeue']")
    extended = portal.http.post(f"/portal/api/tasks/{task['id']}/extend", json={})
    extended.raise_for_status()
    history = page.locator("table[aria-labelledby=events-heading] tbody tr")
    before = history.count()
    page.clock.fast_forward(A_WHILE)
    expect(history).to_have_count(before + 1)
    assert has_marked_focus(page)
    # The button is gone with the task; the focus is not lost with it.
    portal.submit(task, {"city": "London"}).raise_for_status()
    page.clock.fast_forward(A_WHILE)
    expect(page.locator("main h1")).to_be_focused()
    expect(page.locator(".facts")).to_contain_text("Completed")
    expect(page.locator("#stop")).to_have_count(0)


def test_it_rests_while_the_page_is_hidden_and_can_be_switched_off(
    page: Page, desk: ReviewDesk, flow: str
) -> None:
    asked = open_page(page, desk, f"#/team?flow_definition={flow}")
    set_visible(page, "hidden")
    page.clock.fast_forward(A_WHILE)
    assert asked == []
    with page.expect_response("**/portal/api/report?*"):
        set_visible(page, "visible")

    switch = page.get_by_label("Refresh by itself")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    page.reload()
    page.wait_for_selector("main h1:focus")
    expect(switch).not_to_be_checked()
    asked.clear()
    page.clock.fast_forward(A_WHILE)
    set_visible(page, "visible")
    assert asked == []
    with page.expect_response("**/portal/api/report?*"):
        switch.check()


def test_a_service_that_is_away_leaves_the_numbers_as_they_are(
    page: Page, desk: ReviewDesk, flow: str
) -> None:
    open_page(page, desk, f"#/team?flow_definition={flow}")
    as_of = page.locator(".as-of").text_content()
    page.route("**/portal/api/report?*", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.clock.fast_forward(10 * 60_000)
    assert page.locator(".figures strong").first.text_content() == "0"
    assert page.locator(".as-of").text_content() == as_of
    page.unroute("**/portal/api/report?*")
    page.clock.fast_forward(A_WHILE)
    expect(page.locator(".as-of")).not_to_have_text(str(as_of))
