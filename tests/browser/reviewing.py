"""Tasks for the browser tests, and the hands of a reviewer."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Frame, Page
from playwright.sync_api import TimeoutError as WaitTimeoutError
from support import PASSWORD, ReviewDesk, wait_until

FORM_REVIEW = Path(__file__).parents[2] / "include" / "templates" / "form_review.liquid.html"
WIDTH, HEIGHT = 1000, 800
TASK_FRAME = "main iframe:not(.waiting)"

# name, value as read, confidence: three under 90, in an order that is not the one they are to be checked in
FIELDS = (
    ("first_name", "Ada", 99.0),
    ("last_name", "L0velace", 41.0),
    ("email", "ada@example.org", 88.0),
    ("phone", "555-0100", 62.5),
    ("city", "London", 97.0),
    ("salary", "", 0.0),
)


def draw_form(values: dict[str, str]) -> bytes:
    """A page image with a line for each value; see `box_of` for where it stands."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    for position, (name, value) in enumerate(values.items()):
        pen.text((60, 60 + position * 100), name, "gray", ImageFont.load_default(20))
        pen.text((60, 90 + position * 100), value, "black", ImageFont.load_default(30))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def box_of(position: int) -> dict[str, float]:
    return {
        "left": 55 / WIDTH,
        "top": (88 + position * 100) / HEIGHT,
        "width": 300 / WIDTH,
        "height": 40 / HEIGHT,
    }


def make_fields(rows: tuple[tuple[str, str, float], ...] = FIELDS) -> list[dict[str, Any]]:
    """Fields as the OCR gives them; one without a value has no box."""
    return [
        {
            "name": name,
            "label": name.replace("_", " ").capitalize(),
            "value": value,
            "confidence": confidence,
            "box": box_of(position) if value else None,
        }
        for position, (name, value, confidence) in enumerate(rows)
    ]


def start_form_loop(
    desk: ReviewDesk, s3: Any, flow_definition_arn: str, name: str, fields: list[dict[str, Any]]
) -> None:
    """Put a form's image into S3 and start its human loop."""
    image = draw_form({field["name"]: field["value"] for field in fields})
    s3.put_object(Bucket="documents", Key=f"{name}.png", Body=image, ContentType="image/png")
    task_input = {
        "taskObject": f"s3://documents/{name}.png",
        "formTitle": "Job application",
        "confidenceThreshold": 90,
        "fields": fields,
    }
    desk.client("sagemaker-a2i-runtime").start_human_loop(
        HumanLoopName=name,
        FlowDefinitionArn=flow_definition_arn,
        HumanLoopInput={"InputContent": json.dumps(task_input)},
    )


def output_uri(desk: ReviewDesk, human_loop: str) -> str:
    loop = desk.client("sagemaker-a2i-runtime").describe_human_loop(HumanLoopName=human_loop)
    uri: str = loop["HumanLoopOutput"]["OutputS3Uri"]
    return uri


def sign_in(page: Page, desk: ReviewDesk, username: str = "worker-1") -> None:
    """Sign in with the keyboard; the first button of the queues has the focus afterwards."""
    page.goto(f"{desk.url}/portal/")
    page.wait_for_selector("#username:focus")
    type_credentials(page, username)
    page.wait_for_selector("main .card button:focus")


def type_credentials(page: Page, username: str) -> None:
    page.keyboard.type(username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def task_frame(page: Page, human_loop: str) -> Frame:
    """Wait until the task of a loop is on the screen and its form has the focus."""
    page.wait_for_selector(f".top-task .loop:text-is('{human_loop}')")
    shown = f"{TASK_FRAME}[data-human-loop='{human_loop}']"
    page.wait_for_function("(frame) => document.activeElement.matches(frame)", arg=shown)
    handle = page.query_selector(shown)
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_load_state()
    return frame


def focused(frame: Frame) -> str:
    """The name of the field that has the focus, or the text of the button that has it."""
    name: str = frame.evaluate("document.activeElement.name || document.activeElement.textContent.trim()")
    return name


def wait_for_focus(frame: Frame, name: str) -> None:
    """Wait until a field of this name, or a button of this text, has the focus: closing a dialog moves it later."""
    script = "name => [document.activeElement.name, document.activeElement.textContent.trim()].includes(name)"
    try:
        frame.wait_for_function(script, arg=name, timeout=10_000)
    except WaitTimeoutError as error:
        raise AssertionError(f"{focused(frame)!r} has the focus, not {name!r}") from error


def states(frame: Frame) -> dict[str, str]:
    """What each field says about itself."""
    found: dict[str, str] = frame.evaluate(
        "Object.fromEntries(Array.from(document.querySelectorAll('.field'),"
        " (field) => [field.querySelector('input').name, field.querySelector('.state').textContent]))"
    )
    return found


def wait_for_spare(page: Page) -> None:
    """Wait until the frame of the next task is prepared."""

    def is_prepared() -> bool:
        page.wait_for_timeout(50)  # lets the browser's events in
        frames = [frame for frame in page.frames if frame.url.endswith("/portal/prepared-frame")]
        try:
            return any(frame.evaluate("Boolean(customElements.get('crowd-form'))") for frame in frames)
        except PlaywrightError:
            return False  # it is on its way to another page

    wait_until(is_prepared)
    page.wait_for_timeout(200)  # the frame's word has come to the portal


def wait_for_offer(page: Page, selector: str) -> Frame:
    """Wait until the page of the task that comes next is behind the one that is shown, with an element in it."""
    found: list[Frame] = []

    def is_there() -> bool:
        page.wait_for_timeout(50)  # lets the browser's events in
        spare = page.query_selector("main iframe.spare")
        frame = spare and spare.content_frame()
        try:
            if not frame or not frame.evaluate("document.readyState === 'complete'"):
                return False
            if not frame.query_selector(selector):
                return False
        except PlaywrightError:
            return False  # it is on its way to another page
        found.append(frame)
        return True

    wait_until(is_there)
    return found[-1]
