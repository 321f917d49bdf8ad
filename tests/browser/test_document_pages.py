"""A form of several pages, and words that can be clicked into a field."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from accessibility import grave_findings
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Frame, Page, expect
from reviewing import FORM_REVIEW, output_uri, sign_in, states, task_frame, wait_for_focus
from support import ReviewDesk, wait_for_json
from test_layout import DESK, PHONE, TABLET, TABLET_LYING, check, photograph, resize

WIDTH, HEIGHT = 800, 1100
LINE = 90
# page, name, value as read, confidence; the values of a page stand on its lines one by one
FIELDS = (
    (1, "name", "Ada L0velace", 62.0),
    (1, "email", "ada@example.org", 99.0),
    (2, "employer", "", 0.0),
    (2, "since", "2019-O4-01", 55.0),
    (2, "salary", "3,200", 80.0),
    (3, "signed_at", "Leeds", 97.0),
)
PRINTED = {
    1: (("Name:", "Ada Lovelace"), ("E-mail:", "ada@example.org")),
    2: (("Employer:", "Mill Lane"), ("Since:", "2019-04-01"), ("Salary:", "3,200"), ("Works", "Ltd")),
    3: (("Signed at:", "Leeds"),),
}
"""What stands on each page, line by line: text at the left, text in the middle."""


def words_of(page: int) -> list[dict[str, Any]]:
    """The words of a page as an OCR gives them, last line first: their order is not the reading order."""
    found = []
    for line, texts in enumerate(PRINTED[page]):
        for start, text in zip((60, 320), texts, strict=True):
            left = start
            for word in text.split():
                width = 15 * len(word)
                box = {
                    "left": left / WIDTH,
                    "top": (80 + line * LINE) / HEIGHT,
                    "width": width / WIDTH,
                    "height": 30 / HEIGHT,
                }
                found.append(
                    {"text": word, "box": box, **({"page": page} if page > 1 else {}), "confidence": 98.5}
                )
                left += width + 15
    return found[::-1]


def draw_page(page: int) -> bytes:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    pen.text((60, 20), f"Page {page}", "gray", ImageFont.load_default(24))
    for line in range(8, 17):
        pen.rectangle((60, line * 60, 700 - line * 97 % 260, line * 60 + 14), "gainsboro")
    for word in words_of(page):
        pen.text(
            (word["box"]["left"] * WIDTH, word["box"]["top"] * HEIGHT),
            word["text"],
            "black",
            ImageFont.load_default(26),
        )
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def make_paged_fields() -> list[dict[str, Any]]:
    """Fields in the order of the lines that their values stand on."""
    fields: list[dict[str, Any]] = []
    for page, name, value, confidence in FIELDS:
        line = sum(field.get("page", 1) == page for field in fields)
        box = {
            "left": 316 / WIDTH,
            "top": (78 + line * LINE) / HEIGHT,
            "width": 260 / WIDTH,
            "height": 34 / HEIGHT,
        }
        field = {
            "name": name,
            "label": name.replace("_", " ").capitalize(),
            "value": value,
            "confidence": confidence,
        }
        fields.append(field | {"box": box if value else None} | ({"page": page} if page > 1 else {}))
    return fields


def start_paged_loop(
    desk: ReviewDesk, s3: Any, flow_definition_arn: str, name: str, **task_input: Any
) -> None:
    """Put the images of three pages into S3 and start their human loop."""
    uris = []
    for page in PRINTED:
        key = f"{name}-{page}.png"
        s3.put_object(Bucket="documents", Key=key, Body=draw_page(page), ContentType="image/png")
        uris.append(f"s3://documents/{key}")
    given = {
        "pages": uris,
        "formTitle": "Statement of employment",
        "confidenceThreshold": 90,
        "fields": make_paged_fields(),
        "words": [word for page in PRINTED for word in words_of(page)],
    } | task_input
    desk.client("sagemaker-a2i-runtime").start_human_loop(
        HumanLoopName=name,
        FlowDefinitionArn=flow_definition_arn,
        HumanLoopInput={"InputContent": json.dumps(given)},
    )


@pytest.fixture
def open_form(
    page: Page, review_desk_server: ReviewDesk, s3: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Frame]]:
    """Start a loop of three pages, claim its task, and wait for the page of the first field."""
    subject = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:50].strip("-")
    runtime = review_desk_server.client("sagemaker-a2i-runtime")

    def start(shown: int | None = 2, **task_input: Any) -> Frame:
        arn = review_desk_server.create_flow_definition(
            subject, FORM_REVIEW.read_text(), TaskTitle=f"Forms: {subject}"
        )
        start_paged_loop(review_desk_server, s3, arn, subject, **task_input)
        sign_in(page, review_desk_server)
        page.click(f".card:has-text('{subject}') button")
        frame = task_frame(page, subject)
        if shown:
            wait_for_page(frame, shown)
        return frame

    yield start
    portal = review_desk_server.portal("worker-1")
    for task in portal.http.get("/portal/api/queue").json()["working"]:
        portal.http.post(f"/portal/api/tasks/{task['id']}/release", json={})
    if runtime.describe_human_loop(HumanLoopName=subject)["HumanLoopStatus"] == "InProgress":
        runtime.stop_human_loop(HumanLoopName=subject)


def wait_for_page(frame: Frame, number: int) -> None:
    """Wait until a page is turned to and its image is there."""
    frame.locator(f".pages li:nth-child({number}) [aria-current=page]").wait_for()
    frame.wait_for_function(
        "() => { const image = document.querySelector('.sheet:not([hidden]) img');"
        " return image.checkVisibility() && image.naturalWidth > 0; }"
    )


def badges(frame: Frame) -> list[str | None]:
    buttons = frame.locator(".pages button")
    return [buttons.nth(number).get_attribute("aria-label") for number in range(buttons.count())]


def place_of_word(frame: Frame, text: str) -> tuple[float, float]:
    """Where a word of the shown page is on the screen: its middle, from its share of the image."""
    word = next(word for page in PRINTED for word in words_of(page) if word["text"] == text)
    at = frame.locator(".sheet:not([hidden]) img").bounding_box()
    assert at is not None
    box = word["box"]
    return (
        at["x"] + (box["left"] + box["width"] / 2) * at["width"],
        at["y"] + (box["top"] + box["height"] / 2) * at["height"],
    )


def test_pages_show_what_is_open_on_them_and_follow_the_fields(
    page: Page, open_form: Callable[..., Frame]
) -> None:
    frame = open_form()
    wait_for_focus(frame, "employer")
    assert badges(frame) == ["Page 1, 1 to check", "Page 2, 3 to check", "Page 3, nothing to check"]
    expect(frame.locator(".pages .open")).to_have_text(["1", "3", ""])
    expect(frame.locator(".field.active .reason")).to_have_text("page 2, no value was read")
    for following, shown in (("since", 2), ("name", 1), ("salary", 2)):
        page.keyboard.press("Enter")
        wait_for_focus(frame, following)
        wait_for_page(frame, shown)
        assert frame.locator(".sheet:not([hidden])").count() == 1
    assert badges(frame)[:2] == ["Page 1, all checked", "Page 2, 1 to check"]
    assert frame.locator(".open.done svg").count() == 1
    # A field's strip shows its own page, whichever is turned to.
    strips = frame.locator(".field .snippet i")
    expect(strips).to_have_count(5)
    assert len({strips.nth(at).evaluate("(strip) => strip.style.backgroundImage") for at in range(5)}) == 3
    page.keyboard.press("Enter")
    wait_for_focus(frame, "Submit")
    assert badges(frame)[1] == "Page 2, all checked"
    frame.click(".field:has([name=signed_at]) label")
    wait_for_page(frame, 3)


def test_keys_and_thumbnails_turn_pages(page: Page, open_form: Callable[..., Frame]) -> None:
    frame = open_form()
    wait_for_focus(frame, "employer")
    page.keyboard.press("PageUp")
    wait_for_page(frame, 1)
    expect(frame.locator("#announcement")).to_have_text("Page 1 of 3, 1 to check")
    page.keyboard.press("PageUp")
    wait_for_page(frame, 1)
    # The page is only looked at: what is typed still goes into the field.
    page.keyboard.type("Mill")
    expect(frame.locator("[name=employer]")).to_have_value("Mill")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    wait_for_focus(frame, "name")
    frame.click(".pages li:nth-child(3) button")
    wait_for_page(frame, 3)
    wait_for_focus(frame, "name")
    page.keyboard.press("Alt+z")
    wait_for_page(frame, 1)
    frame.locator(".pages li:nth-child(2) button").focus()
    page.keyboard.press("Space")
    wait_for_page(frame, 2)
    assert frame.evaluate("document.activeElement.matches('.pages button')")
    page.keyboard.press("Enter")
    wait_for_focus(frame, "since")
    page.keyboard.press("Alt+h")
    frame.get_by_role("button", name="Next page: Page ↓").click()
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Escape")
    wait_for_focus(frame, "since")
    page.keyboard.press("Alt+ArrowDown")
    wait_for_page(frame, 3)


def test_each_page_keeps_its_turn_and_zoom(page: Page, open_form: Callable[..., Frame]) -> None:
    frame = open_form()
    image = frame.locator(".sheet:not([hidden]) img")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.keyboard.press("+")
    turned = image.bounding_box()
    assert turned is not None
    assert turned["width"] > turned["height"]
    page.keyboard.press("PageDown")
    wait_for_page(frame, 3)
    upright = image.bounding_box()
    assert upright is not None
    assert upright["width"] < upright["height"]
    page.keyboard.press("PageUp")
    wait_for_page(frame, 2)
    assert image.bounding_box() == turned


def test_a_word_goes_into_the_active_field(
    page: Page, open_form: Callable[..., Frame], review_desk_server: ReviewDesk, s3: Any
) -> None:
    frame = open_form()
    wait_for_focus(frame, "employer")
    employer = frame.locator("[name=employer]")
    expect(frame.locator(".field.active .snippet")).to_contain_text("Its words there can be clicked.")
    page.mouse.move(*place_of_word(frame, "Mill"))
    expect(frame.locator(".chosen")).to_have_count(1)
    page.mouse.click(*place_of_word(frame, "Mill"))
    expect(employer).to_have_value("Mill")
    expect(frame.locator("#announcement")).to_have_text("Employer: Mill")
    wait_for_focus(frame, "employer")
    page.keyboard.down("Shift")
    page.mouse.click(*place_of_word(frame, "Lane"))
    page.keyboard.up("Shift")
    expect(employer).to_have_value("Mill Lane")
    page.mouse.click(*place_of_word(frame, "Ltd"))
    expect(employer).to_have_value("Ltd")
    page.keyboard.press("Control+z")
    expect(employer).to_have_value("Mill Lane")
    assert states(frame)["employer"] == "corrected"

    # Over two lines, from the end to the beginning; the words are given in another order than they are read in.
    page.mouse.move(*place_of_word(frame, "3,200"))
    page.mouse.down()
    page.mouse.move(*place_of_word(frame, "Since:"), steps=4)
    expect(frame.locator(".chosen")).to_have_count(4)
    page.mouse.up()
    expect(employer).to_have_value("Since: 2019-04-01 Salary: 3,200")
    expect(frame.locator(".chosen")).to_have_count(0)

    # A click on another field's box goes there, one on the field's own takes the word.
    page.mouse.click(*place_of_word(frame, "2019-04-01"))
    wait_for_focus(frame, "since")
    page.mouse.click(*place_of_word(frame, "2019-04-01"))
    expect(frame.locator("[name=since]")).to_have_value("2019-04-01")
    # A word of another page.
    page.keyboard.press("PageUp")
    wait_for_page(frame, 1)
    page.mouse.click(*place_of_word(frame, "E-mail:"))
    expect(frame.locator("[name=since]")).to_have_value("E-mail:")
    page.keyboard.press("Control+z")
    expect(frame.locator("[name=since]")).to_have_value("2019-04-01")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outcome")
    loop = "a-word-goes-into-the-active-field"
    output = wait_for_json(s3, output_uri(review_desk_server, loop))
    assert output["humanAnswers"][0]["answerContent"] == {
        "name": "Ada L0velace",
        "email": "ada@example.org",
        "employer": "Since: 2019-04-01 Salary: 3,200",
        "since": "2019-04-01",
        "salary": "3,200",
        "signed_at": "Leeds",
    }


def test_words_are_hit_on_a_turned_page_and_empty_ground_moves_it(
    page: Page, open_form: Callable[..., Frame]
) -> None:
    frame = open_form()
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    wait_for_focus(frame, "employer")
    at = frame.locator(".sheet:not([hidden]) img").bounding_box()
    assert at is not None
    box = next(word["box"] for word in words_of(2) if word["text"] == "Lane")
    # Turned clockwise, the top is at the right.
    x = at["x"] + (1 - box["top"] - box["height"] / 2) * at["width"]
    y = at["y"] + (box["left"] + box["width"] / 2) * at["height"]
    page.mouse.click(x, y)
    expect(frame.locator("[name=employer]")).to_have_value("Lane")
    ground = (at["x"] + at["width"] / 4, at["y"] + at["height"] / 2)
    page.mouse.move(*ground)
    page.mouse.down()
    page.mouse.move(ground[0] + 30, ground[1] + 20, steps=3)
    page.mouse.up()
    moved = frame.locator(".sheet:not([hidden]) img").bounding_box()
    assert moved is not None
    assert (moved["x"] - at["x"], moved["y"] - at["y"]) == pytest.approx((30, 20), abs=1)
    expect(frame.locator("[name=employer]")).to_have_value("Lane")


def test_a_finger_moves_the_page_by_its_words_and_chooses_by_a_tap(
    page: Page, open_form: Callable[..., Frame]
) -> None:
    frame = open_form()
    image = frame.locator(".sheet:not([hidden]) img")
    before = image.bounding_box()
    at, outer = place_of_word(frame, "Mill"), page.locator("main iframe:not(.waiting)").bounding_box()
    assert before is not None
    assert outer is not None
    touch = """([x, y, moved]) => {
      const send = (kind, left) => document.elementFromPoint(x, y).dispatchEvent(new PointerEvent(kind,
        { bubbles: true, cancelable: true, pointerType: "touch", button: 0, clientX: left, clientY: y }));
      send("pointerdown", x); send("pointermove", x + moved); send("pointerup", x + moved);
    }"""
    x, y = at[0] - outer["x"], at[1] - outer["y"]
    frame.evaluate(touch, [x, y, 50])
    after = image.bounding_box()
    assert after is not None
    assert after["x"] - before["x"] == pytest.approx(50, abs=1)
    expect(frame.locator("[name=employer]")).to_have_value("")
    frame.evaluate(touch, [x + 50, y, 0])
    expect(frame.locator("[name=employer]")).to_have_value("Mill")


def test_words_read_from_the_right_are_joined_so(page: Page, open_form: Callable[..., Frame]) -> None:
    words = words_of(2)
    hebrew = {"Mill": "רחוב", "Lane": "הטחנה"}
    frame = open_form(words=[word | {"text": hebrew.get(word["text"], word["text"])} for word in words])
    page.mouse.move(*place_of_word(frame, "Mill"))
    page.mouse.down()
    page.mouse.move(*place_of_word(frame, "Lane"), steps=3)
    page.mouse.up()
    expect(frame.locator("[name=employer]")).to_have_value("הטחנה רחוב")


def test_what_cannot_be_a_word_is_named(page: Page, open_form: Callable[..., Frame]) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    box = words_of(1)[0]["box"]
    frame = open_form(
        words=[{"text": "a", "box": None}, {"text": "b", "box": box}, {"text": "c", "box": box, "page": 4}]
    )
    wait_for_focus(frame, "employer")
    assert any(
        line.startswith("words[0], words[2] cannot be chosen: a word needs text, box") for line in said
    )


def test_a_draft_opens_where_the_reviewer_was(page: Page, open_form: Callable[..., Frame]) -> None:
    frame = open_form()
    wait_for_focus(frame, "employer")
    page.keyboard.type("Mill")
    frame.click("[name=signed_at]")
    wait_for_page(frame, 3)
    page.keyboard.type(" (UK)")
    page.wait_for_selector(".save:has-text('Draft saved')")
    page.evaluate("localStorage.clear()")
    page.reload()
    frame = task_frame(page, "a-draft-opens-where-the-reviewer-was")
    wait_for_focus(frame, "signed_at")
    wait_for_page(frame, 3)
    expect(frame.locator("[name=signed_at]")).to_have_value("Leeds (UK)")
    expect(frame.locator("[name=employer]")).to_have_value("Mill")


def test_a_page_that_cannot_be_loaded_says_so_in_its_place(
    page: Page, open_form: Callable[..., Frame], s3: Any
) -> None:
    pages = [f"s3://documents/{name}.png" for name in ("pages-there-1", "pages-missing-2", "pages-there-3")]
    for number in (1, 3):
        s3.put_object(
            Bucket="documents",
            Key=f"pages-there-{number}.png",
            Body=draw_page(number),
            ContentType="image/png",
        )
    s3.delete_object(Bucket="documents", Key="pages-missing-2.png")
    frame = open_form(None, pages=pages)
    error = frame.locator("#image-error")
    expect(error).to_contain_text("The image of page 2 could not be loaded.")
    wait_for_focus(frame, "employer")
    expect(frame.locator(".field:has([name=since]) .snippet")).to_have_text(
        "The image of page 2 could not be loaded."
    )
    assert badges(frame)[1] == "Page 2, 3 to check, image not loaded"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    wait_for_focus(frame, "name")
    wait_for_page(frame, 1)
    expect(error).to_be_hidden()
    page.keyboard.press("PageDown")
    expect(error).to_be_visible()
    s3.put_object(Bucket="documents", Key="pages-missing-2.png", Body=draw_page(2), ContentType="image/png")
    frame.click("#image-retry")
    wait_for_page(frame, 2)
    expect(error).to_be_hidden()
    assert badges(frame)[1] == "Page 2, 1 to check"


def test_a_field_of_a_page_that_is_not_there_says_so(page: Page, open_form: Callable[..., Frame]) -> None:
    fields = [field | {"page": 9} if field["name"] == "salary" else field for field in make_paged_fields()]
    frame = open_form(fields=fields)
    expect(frame.locator(".field:has([name=salary]) .snippet")).to_have_text(
        "On page 9, which is not among the pages of this task."
    )


def test_one_page_has_no_thumbnails_and_takes_words(
    page: Page, open_form: Callable[..., Frame], s3: Any
) -> None:
    s3.put_object(Bucket="documents", Key="only-page.png", Body=draw_page(2), ContentType="image/png")
    fields = [{**field, "page": 1} for field in make_paged_fields() if field.get("page") == 2]
    words = [{"text": word["text"], "box": word["box"]} for word in words_of(2)]
    frame = open_form(None, pages=["s3://documents/only-page.png"], fields=fields, words=words)
    frame.locator(".box").first.wait_for()
    assert frame.locator("img").count() == 1
    assert frame.locator(".pages").count() == 0
    expect(frame.locator("#document-name")).to_have_text("only-page.png")
    page.mouse.click(*place_of_word(frame, "Mill"))
    expect(frame.locator("[name=employer]")).to_have_value("Mill")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_layout_and_accessibility(page: Page, open_form: Callable[..., Frame], direction: str) -> None:
    frame = open_form()
    for where in (page, frame):
        where.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
    for size in (PHONE, TABLET, TABLET_LYING, DESK):
        resize(page, size)
        photograph(page, f"pages-{direction}-{size[0]}")
        check(page)
        check(frame, scrolls=True)
        canvas, strip = frame.locator("#canvas").bounding_box(), frame.locator(".pages").bounding_box()
        assert canvas is not None
        assert strip is not None
        assert canvas["height"] >= (150 if size == PHONE else 300)
        assert canvas["width"] >= (380 if size == PHONE else 600)
        if size == PHONE:
            assert strip["y"] + strip["height"] <= canvas["y"] + 1
        elif direction == "rtl":
            assert canvas["x"] + canvas["width"] <= strip["x"] + 1
        else:
            assert strip["x"] + strip["width"] <= canvas["x"] + 1
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert grave_findings(frame) == []
        photograph(page, f"pages-{direction}-{scheme}")
