"""crowd-textract-analyze-document: a form is reviewed in a real browser, and the answer has A2I's shape."""

from __future__ import annotations

import html
import json
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from accessibility import grave_findings
from playwright.sync_api import Page
from test_elements import Harness

ANSWER = "AWS/Textract/AnalyzeDocument/Forms/V1"
WIDTH, HEIGHT = 850, 600
LINE, TOP, KEY_LEFT, VALUE_LEFT, CHARACTER, TEXT = 60, 60, 60, 320, 12, 24
"""Sizes of the drawn page, in its pixels."""


@dataclass
class Row:
    """A line of the form: what is printed, what was read, and how certain that is (percent)."""

    key: str
    value: str
    confidence: float = 60.0
    words: tuple[float, ...] = ()
    page: int = 1


ROWS = (
    Row("Name:", "Ann Maier", 41.5, (99.0, 52.0)),
    Row("Street:", "Mill Lane 4", 63.0),
    Row("City:", "Leeds", 55.0),
    Row("Phone:", "0113 496 0123", 70.0),
    Row("Pay:", "1,250.00", 48.0),
    Row("Start:", "2026-03-01", 77.0),
    Row("Grade:", "B", 66.0),
)


def image(rows: Sequence[Row] = ROWS) -> str:
    """Return the page as a ``data:`` address."""
    lines = []
    for number, row in enumerate(rows):
        for left, text in _printed(row):
            lines.append(
                f'<text x="{left}" y="{TOP + number * LINE + 19}" font-size="20" font-family="monospace" '
                f'textLength="{len(text) * CHARACTER}">{html.escape(text)}</text>'
            )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(lines)}</svg>'
    )
    return "data:image/svg+xml," + urllib.parse.quote(svg)


def _printed(row: Row) -> list[tuple[int, str]]:
    """Return the words of a row with the pixel where each begins: those of the key, then those of the value."""
    found = []
    for start, text in ((KEY_LEFT, row.key), (VALUE_LEFT, row.value)):
        left = start
        for word in text.split():
            found.append((left, word))
            left += (len(word) + 1) * CHARACTER
    return found


def _geometry(left: float, top: float, width: float) -> dict[str, Any]:
    box = {"left": left / WIDTH, "top": top / HEIGHT, "width": width / WIDTH, "height": TEXT / HEIGHT}
    return {"boundingBox": box}


def blocks(rows: Sequence[Row] = ROWS) -> list[dict[str, Any]]:
    """Return the blocks that Textract would give for the page, with names in camelCase."""
    found: list[dict[str, Any]] = [{"blockType": "PAGE", "id": "page"}]
    for number, row in enumerate(rows):
        top = TOP + number * LINE
        printed = _printed(row)
        keys = len(row.key.split())
        ids = [f"word-{number}-{at}" for at in range(len(printed))]
        for at, (left, text) in enumerate(printed):
            confidence = row.words[at - keys] if at >= keys and row.words else 99.0
            found.append(
                {
                    "blockType": "WORD",
                    "id": ids[at],
                    "text": text,
                    "confidence": confidence,
                    "page": row.page,
                    "geometry": _geometry(left, top, len(text) * CHARACTER),
                }
            )
        for kind, left, text, words in (
            ("KEY", KEY_LEFT, row.key, ids[:keys]),
            ("VALUE", VALUE_LEFT, row.value, ids[keys:]),
        ):
            relationships = [{"type": "CHILD", "ids": words}] if words else []
            if kind == "KEY":
                relationships.insert(0, {"type": "VALUE", "ids": [f"value-{number}"]})
            block = {
                "blockType": "KEY_VALUE_SET",
                "entityTypes": [kind],
                "id": f"{kind.lower()}-{number}",
                "confidence": row.confidence,
                "page": row.page,
                "geometry": _geometry(left, top, max(len(text), 1) * CHARACTER),
                "relationships": relationships,
            }
            found.append(block)
    return found


def expected_pair(number: int, rows: Sequence[Row] = ROWS) -> list[dict[str, Any]]:
    """Return the blocks of a pair as A2I gives them back: words, KEY, VALUE; no geometry."""
    own = [block for block in blocks(rows) if block["id"].split("-")[1:2] == [str(number)]]
    members = ("blockType", "id", "text", "confidence", "entityTypes", "relationships")
    result = []
    for block in own:
        kept = {name: block[name] for name in members if block.get(name)}
        if block["blockType"] == "WORD":
            del kept["confidence"]
        result.append(kept)
    return result


class Screen(Harness):
    """The document screen in a frame as large as the window."""

    def review(self, rows: Sequence[Row] = ROWS, **attributes: Any) -> None:
        given = {"src": image(rows), "initial-value": json.dumps(blocks(rows)), "header": "Review this form"}
        given |= {name.replace("_", "-"): value for name, value in attributes.items()}
        text = " ".join(f'{name}="{html.escape(value)}"' for name, value in given.items())
        self.show(
            '<html lang="en"><title>Review</title><meta name="color-scheme" content="light dark"><crowd-form>'
            f"<crowd-textract-analyze-document {text} block-types=\"['KEY_VALUE_SET']\" no-key-edit no-geometry-edit>"
            "<short-instructions>Compare each value with the page.</short-instructions>"
            "</crowd-textract-analyze-document></crowd-form>"
        )
        self.page.evaluate(
            "document.querySelector('iframe').style = 'position:fixed;inset:0;width:100%;height:100%;border:0'"
        )
        self.frame.locator(".box").first.wait_for()
        self.frame.wait_for_function(f"innerWidth === {self.page.viewport_size['width']}")  # type: ignore[index]
        self.tell("focus")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_for_key(self, key: str) -> None:
        """Wait until the field of a key has the focus."""
        self.frame.locator(f".field.active:has(label.name:text-is('{key}'))").wait_for()

    @property
    def order(self) -> list[str]:
        texts: list[str] = self.frame.locator("label.name").all_text_contents()
        return texts

    def field(self, key: str) -> Any:
        return self.frame.locator(f".field:has(label.name:text-is('{key}'))")

    def blocks_of_answer(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.submitted()[ANSWER]["blocks"]
        return found

    def point_of_word(self, text: str) -> tuple[float, float]:
        """Return where a word of the page is on the screen: its middle, from its share of the image."""
        word = next(block for block in blocks() if block.get("text") == text)
        box = word["geometry"]["boundingBox"]
        at = self.frame.locator("document-page-view img").bounding_box()
        return (
            at["x"] + (box["left"] + box["width"] / 2) * at["width"],
            at["y"] + (box["top"] + box["height"] / 2) * at["height"],
        )


@pytest.fixture
def screen(page: Page) -> Screen:
    return Screen(page)


def pairs(found: list[dict[str, Any]]) -> dict[str, str | None]:
    """Return the answer as a consumer reads it: key to value, ``None`` without a VALUE block."""
    by_id = {block["id"]: block for block in found}

    def related(block: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        return [by_id[i] for one in block.get("relationships", []) if one["type"] == kind for i in one["ids"]]

    result: dict[str, str | None] = {}
    for block in found:
        if block.get("entityTypes") == ["KEY"]:
            value = related(block, "VALUE")
            key = " ".join(word["text"] for word in related(block, "CHILD"))
            result[key] = " ".join(word["text"] for word in related(value[0], "CHILD")) if value else None
    return result


READ = {row.key: row.value for row in ROWS}


def test_seven_correct_fields_take_eight_keys(screen: Screen) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    assert screen.order == ["Name:", "Pay:", "City:", "Street:", "Grade:", "Phone:", "Start:"]
    screen.press(*["Enter"] * 7)
    assert screen.frame.locator(".state.accepted").count() == 7
    assert screen.messages("submit") == []
    screen.press("Control+Enter")
    # In the order of the blocks, whatever the order on the screen.
    assert screen.blocks_of_answer() == [block for number in range(7) for block in expected_pair(number)]


def test_the_keyboard_alone_corrects_a_form(screen: Screen) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    screen.page.keyboard.type("hofer")
    screen.press("Enter")
    screen.wait_for_key("Pay:")
    screen.press("Control+a")
    screen.page.keyboard.type("1,350.00")
    screen.press("Enter", "Shift+Enter", "Enter")
    screen.wait_for_key("City:")
    screen.press(*["Enter"] * 5, "Control+Enter")
    answer = screen.blocks_of_answer()
    assert pairs(answer) == READ | {"Name:": "Ann Maierhofer", "Pay:": "1,350.00"}
    by_text = {block["text"]: block["id"] for block in answer if block["blockType"] == "WORD"}
    # A word that stays keeps its id, a typed one gets a UUID.
    assert by_text["Ann"] == "word-0-1"
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", by_text["Maierhofer"]
    )
    assert "confidence" in next(block for block in answer if block["id"] == "value-0")


@pytest.mark.parametrize(
    ("key", "value", "blocks_left"),
    [
        ("Control+b", {"Name:": ""}, 3),
        ("Control+u", {"Name:": None}, 2),
        ("Control+k", {}, 0),
        ("Alt+n", {}, 0),
    ],
)
def test_a_mark_stands_for_a_value(
    screen: Screen, key: str, value: dict[str, str | None], blocks_left: int
) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    screen.press(key, "Enter")
    screen.wait_for_key("Pay:")
    screen.press(*["Enter"] * 6, "Control+Enter")
    answer = screen.blocks_of_answer()
    assert pairs(answer) == {name: text for name, text in READ.items() if name != "Name:"} | value
    assert len([block for block in answer if block["id"].split("-")[1] == "0"]) == blocks_left


def test_a_mark_is_taken_back_by_its_key_and_by_typing(screen: Screen) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    screen.press("Alt+n")
    screen.field("Name:").locator(".state.mark", has_text="Not a pair").wait_for()
    screen.press("Alt+n")
    assert screen.field("Name:").locator("input").input_value() == "Ann Maier"
    screen.press("Control+b")
    screen.page.keyboard.type("Eve")
    screen.press("Control+Enter", "Control+Enter")
    assert pairs(screen.blocks_of_answer())["Name:"] == "Eve"


KEYS = json.dumps(
    [
        {"importantFormKey": "Tax number:", "importantFormKeyAliases": ["VAT No."]},
        {"importantFormKey": "Full name", "importantFormKeyAliases": ["name"]},
    ]
)


def test_an_important_key_that_is_missing_is_a_field(screen: Screen) -> None:
    screen.review(keys=KEYS)
    screen.wait_for_key("Tax number:")
    assert "Full name" not in screen.order
    assert screen.field("Tax number:").locator(".facts").inner_text().split("\n") == [
        "not found",
        "key missing",
    ]
    screen.page.keyboard.type("GB 99")
    screen.press("Control+Enter", "Control+Enter")
    answer = screen.blocks_of_answer()
    assert pairs(answer) == READ | {"Tax number:": "GB 99"}
    new = [block for block in answer if len(block["id"]) == 36]
    assert [block["blockType"] for block in new] == ["WORD"] * 4 + ["KEY_VALUE_SET"] * 2
    assert all("confidence" not in block for block in new)


def test_a_missing_key_that_is_accepted_is_not_in_the_document(screen: Screen) -> None:
    screen.review(keys=KEYS)
    screen.wait_for_key("Tax number:")
    screen.press("Enter")
    screen.field("Tax number:").locator(".state.mark", has_text="Key not in document").wait_for()
    screen.press(*["Enter"] * 7, "Control+Enter")
    assert pairs(screen.blocks_of_answer()) == READ


def test_words_of_the_page_go_into_the_active_field(screen: Screen) -> None:
    screen.review(keys=KEYS)
    screen.wait_for_key("Tax number:")
    # The key's own word lies in no other field's value, so a click takes it.
    screen.page.mouse.click(*screen.point_of_word("Grade:"))
    value = screen.field("Tax number:").locator("input")
    assert value.input_value() == "Grade:"
    start, end = screen.point_of_word("Mill"), screen.point_of_word("4")
    screen.page.mouse.move(*start)
    screen.page.mouse.down()
    screen.page.mouse.move(start[0] + 10, start[1] + 2)
    screen.page.mouse.move(*end)
    screen.page.mouse.up()
    screen.frame.wait_for_function(
        "document.querySelector('crowd-textract-analyze-document')"
        ".shadowRoot.activeElement?.value === 'Grade: Mill Lane 4'"
    )
    screen.press("Control+Enter", "Control+Enter")
    answer = screen.blocks_of_answer()
    value_block = next(
        block for block in answer if block.get("entityTypes") == ["VALUE"] and len(block["id"]) == 36
    )
    # A word of the page keeps its id, so its place is known.
    assert value_block["relationships"] == [
        {"type": "CHILD", "ids": ["word-6-0", "word-1-1", "word-1-2", "word-1-3"]}
    ]


def test_box_and_field_follow_each_other(screen: Screen) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    assert screen.frame.locator(".box.active").get_attribute("title") == "Name:"
    screen.press("ArrowDown")
    screen.wait_for_key("Pay:")
    assert screen.frame.locator(".box.active").get_attribute("title") == "Pay:"
    screen.frame.locator(".box[title='Start:']").click()
    screen.wait_for_key("Start:")
    assert screen.frame.locator(".box.active").get_attribute("title") == "Start:"
    screen.page.keyboard.type("!")
    assert screen.field("Start:").locator("input").input_value() == "2026-03-01!"


def test_accepted_fields_are_in_the_draft_and_not_in_the_answer(screen: Screen) -> None:
    screen.review(keys=KEYS)
    screen.wait_for_key("Tax number:")
    screen.press("Enter", "Enter", "Tab", "Enter")
    screen.page.wait_for_timeout(600)
    change = screen.messages("change")[-1]
    assert set(change["answer"][ANSWER]) == {"blocks"}
    screen.review(keys=KEYS)
    screen.tell("draft", answer=change["draft"])
    screen.field("Name:").locator(".state.accepted").wait_for()
    states = {key: screen.field(key).locator(".state").text_content() for key in screen.order}
    assert states["Tax number:"] == "Key not in document"
    assert [key for key, state in states.items() if state == "accepted"] == ["Name:", "City:"]
    screen.press("Control+Enter", "Control+Enter")
    assert set(screen.submitted()[ANSWER]) == {"blocks"}
    # A submission that is refused leaves the draft as it was.
    assert screen.messages("submit")[-1]["draft"][ANSWER]["accepted"] == change["draft"][ANSWER]["accepted"]


def test_a_draft_is_put_back(screen: Screen) -> None:
    screen.review(keys=KEYS)
    screen.wait_for_key("Tax number:")
    screen.page.keyboard.type("GB 99")
    screen.press("Enter", "Control+b", "Enter", "Alt+n", "Enter", "Control+u", "Enter")
    screen.page.keyboard.type("x")
    draft = screen.wait_for("change")["answer"]
    screen.page.wait_for_timeout(600)
    draft = screen.messages("change")[-1]["answer"]
    assert pairs(draft[ANSWER]["blocks"])["Street:"] == "Mill Lane 4x"
    screen.review(keys=KEYS)
    screen.tell("draft", answer=draft)
    screen.field("Pay:").locator(".state.mark").wait_for()
    states = {key: screen.field(key).locator(".state").text_content() for key in screen.order}
    assert states["Tax number:"] == "corrected"
    assert states["Name:"] == "Value blank"
    assert states["Pay:"] == "Not a pair"
    assert states["City:"] == "Unreadable"
    assert states["Street:"] == "corrected"
    assert states["Grade:"] == "not seen"
    screen.press("Control+Enter", "Control+Enter")
    assert screen.submitted() == draft


def test_zoom_has_limits(screen: Screen) -> None:
    screen.review()
    output = screen.frame.locator("#zoom")
    for _ in range(25):
        screen.frame.locator("#zoom-in").click()
    assert output.inner_text() == "800 %"
    for _ in range(40):
        screen.frame.locator("#zoom-out").click()
    assert output.inner_text() == "25 %"
    screen.frame.locator("#fit-width").click()
    canvas = screen.frame.locator("#canvas").bounding_box()
    sheet = screen.frame.locator("document-page-view .page").bounding_box()
    assert sheet["width"] == pytest.approx(canvas["width"] - 24, abs=1)


def test_the_page_turns_with_its_boxes(screen: Screen) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    screen.press("Escape")
    upright = screen.frame.locator("document-page-view img").bounding_box()
    assert upright["width"] > upright["height"]
    screen.press("r")
    screen.frame.wait_for_function(
        "() => { const box = document.querySelector('crowd-textract-analyze-document').shadowRoot"
        ".querySelector('document-page-view').shadowRoot.querySelector('.box.active').getBoundingClientRect();"
        " return box.height > box.width; }"
    )
    turned = screen.frame.locator("document-page-view img").bounding_box()
    assert turned["height"] > turned["width"]
    active = screen.frame.locator(".box.active").bounding_box()
    # "Ann Maier" starts at 320, 60 of 850 x 600; clockwise that is the right side, 320/850 from the top.
    assert (active["y"] - turned["y"]) / turned["height"] == pytest.approx(VALUE_LEFT / WIDTH, abs=0.02)
    right = turned["x"] + turned["width"] - active["x"] - active["width"]
    assert right / turned["width"] == pytest.approx(TOP / HEIGHT, abs=0.02)
    screen.page.mouse.click(
        turned["x"] + turned["width"] * (1 - (TOP + 6 * LINE + 12) / HEIGHT),
        turned["y"] + turned["height"] * (KEY_LEFT + 20) / WIDTH,
    )
    screen.frame.locator(".field.active .state.corrected").wait_for()
    assert screen.field("Name:").locator("input").input_value() == "Grade:"
    screen.press("Escape", "R")
    screen.frame.wait_for_function(
        "() => { const page = document.querySelector('crowd-textract-analyze-document').shadowRoot"
        ".querySelector('document-page-view').shadowRoot.querySelector('.page').getBoundingClientRect();"
        " return page.width > page.height; }"
    )


def test_a_letter_typed_in_a_field_is_text(screen: Screen) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    screen.page.keyboard.type("rR?+")
    assert screen.field("Name:").locator("input").input_value() == "Ann MaierrR?+"
    assert screen.frame.locator("dialog[open]").count() == 0


def test_unseen_fields_are_asked_for_once(screen: Screen) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    screen.press("Enter", "Control+Enter")
    screen.wait_for_key("City:")
    assert screen.frame.locator(".warning").inner_text().startswith("5 fields to check are not seen yet")
    assert screen.messages("submit") == []
    screen.press("Control+Enter")
    assert pairs(screen.blocks_of_answer()) == READ


CONDITIONS = json.dumps(
    {
        "Conditions": [
            {
                "EvaluationResult": True,
                "Or": [
                    {
                        "ConditionType": "ImportantFormKeyConfidenceCheck",
                        "ConditionParameters": {
                            "ImportantFormKey": "Employee",
                            "ImportantFormKeyAliases": ["name"],
                            "KeyValueBlockConfidenceLessThan": 85,
                            "WordBlockConfidenceLessThan": 60,
                        },
                        "EvaluationResult": True,
                    },
                    {
                        "ConditionType": "Sampling",
                        "ConditionParameters": {"RandomSamplingPercentage": 5},
                        "EvaluationResult": False,
                    },
                ],
            }
        ]
    }
)


def test_each_field_says_why_it_is_here(screen: Screen) -> None:
    screen.review(conditions=CONDITIONS)
    screen.wait_for_key("Name:")
    assert screen.field("Name:").locator(".reason").inner_text() == "under 85 %, a word under 60 %"
    assert screen.field("Name:").locator(".word").inner_text() == "41 % low"
    assert screen.field("Name:").locator(".mirror u").all_text_contents() == ["Maier"]
    assert screen.frame.locator("#list h2").all_text_contents() == [
        "To check (1), least certain first",
        "Sure (6)",
    ]
    # Only what is to be checked is asked for.
    screen.press("Enter", "Control+Enter")
    assert pairs(screen.blocks_of_answer()) == READ


def test_a_sampled_form_is_checked_whole(screen: Screen) -> None:
    sampled = json.loads(CONDITIONS)
    sampled["Conditions"][0]["Or"][1]["EvaluationResult"] = True
    screen.review(conditions=json.dumps(sampled))
    assert screen.field("Pay:").locator(".reason").inner_text() == "sampled"
    assert screen.frame.locator("#list h2").all_text_contents() == ["To check (7), least certain first"]


def test_reading_order(screen: Screen) -> None:
    screen.review()
    screen.frame.locator("#order").click()
    screen.frame.locator("h2", has_text="In reading order").wait_for()
    assert screen.order == [row.key for row in ROWS]


def test_keys_can_be_changed_and_letters_switched_off(screen: Screen) -> None:
    screen.review()
    screen.wait_for_key("Name:")
    screen.press("Alt+h")
    screen.frame.get_by_role("button", name="Value blank: Ctrl+B").click()
    screen.press("x")
    screen.frame.locator("dialog[open] >> text=A key that types a character").wait_for()
    screen.frame.get_by_role("button", name="Value blank: Ctrl+B").click()
    screen.press("Control+u")
    screen.frame.get_by_role("button", name="Unreadable: Ctrl+B").wait_for()
    screen.frame.locator("#singles").uncheck()
    screen.press("Control+Enter")
    assert screen.frame.locator(".warning").count() == 0
    screen.press("Escape")
    screen.wait_for_key("Name:")
    screen.press("Control+u")
    screen.field("Name:").locator(".state", has_text="Value blank").wait_for()
    screen.press("Escape", "r")
    turned = screen.frame.locator("document-page-view img").bounding_box()
    assert turned["width"] > turned["height"]


def test_pages_have_thumbnails_with_their_open_fields(screen: Screen) -> None:
    rows = (*ROWS[:2], Row("Note:", "second page", 30.0, page=2))
    screen.review(rows, pages=json.dumps([image(rows[:2]), image(rows)]))
    screen.wait_for_key("Note:")
    second = screen.frame.get_by_role("button", name="Page 2, 1 to check")
    assert second.get_attribute("aria-current") == "page"
    screen.press("PageUp")
    screen.frame.locator("[aria-current=page]", has_text="1").wait_for()
    assert screen.frame.locator(".box").count() == 2
    screen.press("PageDown", "Enter")
    screen.wait_for_key("Name:")
    assert screen.frame.locator(".pages .dots i").count() == 2


def test_a_page_without_an_image_is_said(screen: Screen) -> None:
    rows = (*ROWS[:2], Row("Note:", "second page", 30.0, page=2))
    screen.review(rows)
    assert screen.field("Note:").locator(".snippet").inner_text() == "On page 2, which is not shown here."
    assert screen.frame.locator(".box").count() == 2


def test_blocks_as_a2i_selects_them_are_enough(screen: Screen) -> None:
    """Real ones have words without a place and a confidence, and pairs with a polygon only."""
    selected = []
    for block in blocks(ROWS[:1]):
        kept = {name: value for name, value in block.items() if name not in ("page", "geometry")}
        if block["blockType"] == "WORD":
            del kept["confidence"]
        elif block["blockType"] == "KEY_VALUE_SET":
            box = block["geometry"]["boundingBox"]
            left, top = box["left"], box["top"]
            right, bottom = left + box["width"], top + box["height"]
            kept["geometry"] = {
                "polygon": [
                    {"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
                ]
            }
        selected.append(kept)
    screen.review(initial_value=json.dumps(selected))
    screen.wait_for_key("Name:")
    screen.press("Enter", "Control+Enter")
    assert screen.blocks_of_answer() == expected_pair(0)


def test_a_selection_is_a_check_box(screen: Screen) -> None:
    rows = ROWS[:1]
    found = blocks(rows)
    for block in found:
        if block["id"] == "value-0":
            block["relationships"] = [{"type": "CHILD", "ids": ["mark"]}]
    found.append(
        {"blockType": "SELECTION_ELEMENT", "id": "mark", "selectionStatus": "NOT_SELECTED", "confidence": 50}
    )
    screen.review(rows, initial_value=json.dumps(found))
    screen.wait_for_key("Name:")
    screen.press("Space", "Enter", "Control+Enter")
    answer = screen.blocks_of_answer()
    assert {"blockType": "SELECTION_ELEMENT", "id": "mark", "selectionStatus": "SELECTED"} in answer


def test_the_keys_dialog_and_marks_are_accessible(screen: Screen) -> None:
    screen.review(keys=KEYS, conditions=CONDITIONS)
    screen.wait_for_key("Tax number:")
    screen.press("Control+u", "Enter", "Alt+h")
    screen.frame.locator("dialog[open]").wait_for()
    for scheme in ("light", "dark"):
        screen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert grave_findings(screen.frame) == []


def test_eight_hundred_blocks_are_usable_at_once(screen: Screen, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row(f"Key {number}:", "a value", 40 + number / 4) for number in range(134)]
    found = blocks(rows)
    assert len(found) >= 800
    screen.review(rows[:1])
    took = screen.frame.evaluate(
        """async ([blocks, src]) => {
          const element = document.createElement("crowd-textract-analyze-document");
          element.setAttribute("src", src);
          element.setAttribute("initial-value", blocks);
          document.querySelector("crowd-textract-analyze-document").remove();
          const start = performance.now();
          document.querySelector("crowd-form").form.append(element);
          await element.updateComplete;
          element.focus();
          await element.updateComplete;
          const usable = performance.now() - start;
          while (element.shadowRoot.querySelectorAll(".field").length < 134) {
            await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
          }
          const whole = performance.now() - start;
          const shown = performance.now();
          const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, composed: true });
          element.shadowRoot.activeElement.dispatchEvent(enter);
          await element.updateComplete;
          element._submittableValue;
          return { usable, whole, accepted: performance.now() - shown };
        }""",
        [json.dumps(found), image(rows[:9])],
    )
    with capsys.disabled():
        print(
            f"\n{len(found)} blocks: usable in {took['usable']:.0f} ms, all fields there in {took['whole']:.0f} ms, "
            f"a field accepted in {took['accepted']:.0f} ms"
        )
    assert screen.frame.locator(".field").count() == len(rows)
