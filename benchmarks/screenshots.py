"""Takes the pictures of docs/images/screens anew: the portal's screens in light and in dark (``make screenshots``).

Starts a Review Desk and a local S3 of its own on 127.0.0.1, and stops by itself. With names of screens as arguments
it takes only those.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from bench_portal import local_s3
from chromium import ARGUMENTS, find_chromium
from reviewing import FIELDS, FORM_REVIEW, make_fields, start_form_loop, task_frame, type_credentials
from support import PASSWORD, ReviewDesk
from test_document_pages import place_of_word, start_paged_loop, wait_for_page
from test_grid_page import TEMPLATE as MODERATION_GRID
from test_grid_page import labels, picture, wait_for_grid

FOLDER = ROOT / "docs" / "images" / "screens"
WIDE = {"width": 1280, "height": 800}
TALL = {"width": 1280, "height": 1500}
PHONE = {"width": 390, "height": 844}
DONE_BEFORE = 5


def sign_in(page: Page, desk: ReviewDesk, username: str) -> None:
    page.goto(f"{desk.url}/portal/")
    page.wait_for_selector("#username:focus")
    type_credentials(page, username)
    page.wait_for_selector("main .card button:focus")


def prepare(desk: ReviewDesk, s3: Any) -> None:
    """Start forms and images, and let some of them be answered."""
    desk.command(
        "worker", "create", "lead", "--team", "reviewers", "--lead", "--password-stdin", stdin=PASSWORD
    )
    forms = desk.create_flow_definition("applications", FORM_REVIEW.read_text(), TaskTitle="Job applications")
    for number in range(14):
        start_form_loop(desk, s3, forms, f"applications-{number}", make_fields())
    images = desk.create_flow_definition(
        "pictures", MODERATION_GRID, TaskTitle="Pictures: which labels apply?"
    )
    for number in range(1, 12):
        s3.put_object(Bucket="documents", Key=f"{number}.png", Body=picture(number), ContentType="image/png")
        task_input = {"image": f"s3://documents/{number}.png", "labels": labels(number)}
        desk.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName=f"picture-{number}",
            FlowDefinitionArn=images,
            HumanLoopInput={"InputContent": json.dumps(task_input)},
        )
    statements = desk.create_flow_definition(
        "statements", FORM_REVIEW.read_text(), TaskTitle="Statements of employment"
    )
    start_paged_loop(desk, s3, statements, "statement-1")
    portal = desk.portal()
    for number in range(DONE_BEFORE):
        task = portal.claim(human_loop=f"applications-{number}").json()
        answer = {name: value for name, value, _ in FIELDS} | {"last_name": "Lovelace"}
        portal.submit(task, answer | ({"phone": "555-0101"} if number % 2 else {})).raise_for_status()


def form(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk, "worker-1")
    page.locator(".card", has_text="Job applications").locator("button.primary, button").first.click()
    frame = task_frame(page, f"applications-{DONE_BEFORE}")
    frame.wait_for_function("document.querySelector('#image').complete")
    page.keyboard.press("Enter")


def document_pages(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk, "lead")
    page.locator(".card", has_text="Statements").locator("button").first.click()
    frame = task_frame(page, "statement-1")
    wait_for_page(frame, 2)
    page.mouse.click(*place_of_word(frame, "Mill"))
    page.mouse.move(*place_of_word(frame, "Lane"))


def image(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk, "worker-2")
    page.locator(".card", has_text="Pictures").locator("button").first.click()
    task_frame(page, "picture-1")


def grid(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk, "worker-3")
    page.get_by_role("button", name="Review 9 at once").click()
    wait_for_grid(page, 9)


def queue(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk, "worker-1")


def team(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk, "lead")
    page.goto(f"{desk.url}/portal/#/team")
    expect(page.locator("main svg").first).to_be_visible()


def loops(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk, "lead")
    page.goto(f"{desk.url}/portal/#/team/loops")
    expect(page.locator("main tbody tr").first).to_be_visible()


def loop(page: Page, desk: ReviewDesk) -> None:
    sign_in(page, desk, "lead")
    page.goto(f"{desk.url}/portal/#/team/loops/applications-0")
    expect(page.get_by_text("submitted").first).to_be_visible()


def sign_in_page(page: Page, desk: ReviewDesk) -> None:
    page.goto(f"{desk.url}/portal/")
    page.wait_for_selector("#username:focus")


SCREENS: dict[str, tuple[Callable[[Page, ReviewDesk], None], dict[str, int]]] = {
    "sign-in": (sign_in_page, WIDE),
    "queue": (queue, WIDE),
    "document": (form, WIDE),
    "document-pages": (document_pages, WIDE),
    "image": (image, WIDE),
    "image-phone": (image, PHONE),
    "grid": (grid, WIDE),
    "team": (team, TALL),
    "loops": (loops, WIDE),
    "loop": (loop, WIDE),
}


def take(browser: Browser, desk: ReviewDesk, name: str, scheme: Any) -> None:
    """Open a screen and write its picture."""
    open_screen, size = SCREENS[name]
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    try:
        page = context.new_page()
        open_screen(page, desk)
        page.wait_for_timeout(700)
        file = FOLDER / f"{name}-{scheme}.webp"
        Image.open(io.BytesIO(page.screenshot())).save(file, "WEBP", quality=82, method=6)
        print(f"{file.relative_to(ROOT)} {file.stat().st_size // 1024} kB", flush=True)
    finally:
        context.close()


def main(names: list[str]) -> None:
    if unknown := sorted(set(names) - set(SCREENS)):
        sys.exit(f"There is no screen {unknown[0]!r}; there are {', '.join(SCREENS)}.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, local_s3() as s3, sync_playwright() as playwright:
        desk = ReviewDesk(Path(name), s3.meta.endpoint_url)
        desk.prepare()
        desk.start()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        try:
            prepare(desk, s3)
            for screen in names or SCREENS:
                for scheme in ("light", "dark"):
                    take(browser, desk, screen, scheme)
        finally:
            browser.close()
            desk.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
