"""Signing in with a provider in a real browser, for which ``localhost`` is another site than ``127.0.0.1``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oidc_provider import OidcServer
from playwright.sync_api import Page, expect
from reviewing import TASK_FRAME, sign_in, type_credentials
from support import ReviewDesk

TEMPLATE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><input name="answer"></crowd-form>
"""


@pytest.fixture
def provider() -> Iterator[OidcServer]:
    with OidcServer("localhost") as server:
        yield server


@pytest.fixture
def desk(
    tmp_path: Path,
    prepared_review_desk: ReviewDesk,
    s3_server: str,
    s3: Any,
    provider: OidcServer,
    request: pytest.FixtureRequest,
) -> Iterator[ReviewDesk]:
    """A Review Desk with the provider; a test may add settings."""
    shutil.copytree(prepared_review_desk.directory, tmp_path, dirs_exist_ok=True)
    settings = {**provider.settings, "REVIEW_DESK_OIDC_NAME": "Example Ltd", **getattr(request, "param", {})}
    desk = ReviewDesk(tmp_path, s3_server, access_key=prepared_review_desk.access_key, settings=settings)
    desk.start()
    try:
        arn = desk.create_flow_definition("sign-in", TEMPLATE)
        desk.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName="sign-in-1", FlowDefinitionArn=arn, HumanLoopInput={"InputContent": "{}"}
        )
        yield desk
    finally:
        desk.stop()


without_passwords = pytest.mark.parametrize(
    "desk", [{"REVIEW_DESK_PASSWORD_SIGN_IN": "false"}], indirect=True, ids=["without passwords"]
)


def test_out_to_the_provider_and_back(page: Page, desk: ReviewDesk, provider: OidcServer) -> None:
    page.goto(f"{desk.url}/portal/")
    page.wait_for_selector("#username:focus")
    page.click("text=Sign in with Example Ltd")
    page.wait_for_url(f"{provider.issuer}/authorize**")
    with page.expect_request(f"{desk.url}/portal/") as first:
        page.click("#yes")
    assert "review_desk_session=" in first.value.all_headers().get("cookie", "")
    page.wait_for_selector("main .card button:focus")
    expect(page.locator("#top-session span")).to_have_text("ann")
    assert page.url == f"{desk.url}/portal/"
    [cookie] = [found for found in page.context.cookies() if found["name"] == "review_desk_session"]
    assert (cookie["sameSite"], cookie["httpOnly"]) == ("Strict", True)
    assert [found["name"] for found in page.context.cookies() if "oidc" in found["name"]] == []


def test_both_ways_in_are_offered(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk)
    expect(page.locator("#top-session span")).to_have_text("worker-1")


@without_passwords
def test_the_provider_alone(page: Page, desk: ReviewDesk) -> None:
    page.goto(f"{desk.url}/portal/")
    page.wait_for_selector("#provider:focus")
    assert page.query_selector("input") is None
    page.keyboard.press("Enter")
    page.click("#yes")
    page.wait_for_selector("main .card button:focus")


@without_passwords
def test_a_session_that_ends_is_taken_up_in_another_tab(page: Page, desk: ReviewDesk) -> None:
    page.goto(f"{desk.url}/portal/")
    page.click("#provider")
    page.click("#yes")
    page.wait_for_selector("main .card button:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{TASK_FRAME}[data-human-loop='sign-in-1']")
    page.frame_locator(TASK_FRAME).locator("[name=answer]").focus()
    page.context.clear_cookies()
    page.keyboard.type("kept")
    page.wait_for_selector("dialog.sign-in-again #provider:focus")
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    opened.value.click("#yes")
    opened.value.wait_for_selector("#top-session button")
    # A browser without a screen has every tab in front at once.
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_selector(".save:has-text('Draft saved')")
    expect(page.frame_locator(TASK_FRAME).locator("[name=answer]")).to_have_value("kept")


def test_a_link_to_a_task_leads_there_after_the_sign_in(page: Page, desk: ReviewDesk) -> None:
    page.goto(f"{desk.url}/portal/#task=none-of-mine")
    address = page.get_attribute("#provider", "href")
    assert address == "/portal/oidc/login?next=%2Fportal%2F%23task%3Dnone-of-mine"


def test_who_may_not_come_in_is_told_why(page: Page, desk: ReviewDesk, provider: OidcServer) -> None:
    provider.person["groups"] = ["sales"]
    page.goto(f"{desk.url}/portal/")
    page.click("#provider")
    page.click("#yes")
    page.wait_for_selector("h1:has-text('You are not signed in')")
    expect(page.locator("main p")).to_contain_text("none of your groups belongs to a work team here")
    page.click("text=Back to Review Desk")
    page.wait_for_selector("#username:focus")
    type_credentials(page, "worker-1")
    page.wait_for_selector("main .card button:focus")
