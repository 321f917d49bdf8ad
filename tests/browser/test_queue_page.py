"""The page of the queues, and what is beside it: starting once, and the own password."""

from __future__ import annotations

from typing import Any

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page, Route, expect
from reviewing import sign_in, task_frame
from support import PASSWORD, ReviewDesk

TEMPLATE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><input name="answer"></crowd-form>
"""


@pytest.fixture
def loops(review_desk_server: ReviewDesk) -> list[str]:
    """Two loops that anybody can take."""
    arn = review_desk_server.create_flow_definition("queue-page", TEMPLATE)
    names = ["queue-page-1", "queue-page-2"]
    for name in names:
        review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName=name, FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
        )
    return names


def test_start_pressed_twice_claims_once(
    page: Page, review_desk_server: ReviewDesk, loops: list[str]
) -> None:
    held: list[Route] = []
    page.route("**/portal/api/tasks/claim", lambda route: held.append(route))
    sign_in(page, review_desk_server)
    button = page.get_by_role("button", name="Start reviewing")
    with page.expect_request("**/portal/api/tasks/claim"):
        button.dblclick()
    expect(button).to_be_disabled()
    page.keyboard.press("Enter")
    button.dispatch_event("click")
    page.evaluate("1")
    assert len(held) == 1
    held[0].continue_()
    task_frame(page, loops[0])
    working = review_desk_server.portal().http.get("/portal/api/queue").json()["working"]
    assert [task["human_loop"] for task in working] == loops[:1]


def change_password(page: Page, *fields: str) -> None:
    for identifier, value in zip(
        ("current-password", "new-password", "new-password-again"), fields, strict=True
    ):
        page.fill(f"#{identifier}", value)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_own_password_is_changed(page: Page, review_desk_server: ReviewDesk, scheme: Any) -> None:
    name = f"changes-{scheme}"
    review_desk_server.add_worker(name)
    new = "a new long password"
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{review_desk_server.url}/portal/")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    preferences = page.get_by_role("button", name="Preferences", exact=True)
    preferences.click()
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#current-password")).to_be_focused()
    error = page.locator("dialog .error")
    change_password(page, PASSWORD, new, f"{new}!")
    expect(error).to_have_text("The two new passwords are not the same.")
    change_password(page, "wrong password", new, new)
    expect(error).to_have_text("The current password is wrong.")
    expect(page.locator("#current-password")).to_be_focused()
    assert grave_findings(page) == []
    change_password(page, PASSWORD, new, new)
    expect(page.locator("#toast")).to_have_text("Your password is changed.")
    expect(page.locator("dialog")).to_have_count(0)
    expect(preferences).to_be_focused()
    page.reload()
    expect(page.locator("#top-session span")).to_have_text(name)
    page.get_by_role("button", name="Sign out").click()
    page.fill("#username", name)
    page.fill("#password", new)
    page.keyboard.press("Enter")
    expect(page.locator("#top-session span")).to_have_text(name)
