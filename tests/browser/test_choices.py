"""Classifiers, image review and text annotation: answers by mouse, by keyboard alone, and from a draft."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect
from test_elements import Harness

MODERATION = "AWS/Rekognition/DetectModerationLabels/Image/V3"
PICTURE = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='400' height='200'%3E"
    "%3Crect width='400' height='200' fill='%23cde'/%3E%3C/svg%3E"
)
CLASSIFIER = """
<crowd-form>
  <crowd-classifier name="mood" header="Mood?" categories="['Positive', 'Neutral', 'Negative',]">
    <classification-target>It came late.</classification-target>
    <short-instructions>Judge it as a whole.</short-instructions>
  </crowd-classifier>
</crowd-form>
"""
SEVERAL = """
<crowd-form>
  <crowd-classifier-multi-select name="topics" header="Topics?" categories="['Price', 'Staff']"
    exclusion-category="{ text: 'None of the above' }">
    <classification-target>It came late.</classification-target>
  </crowd-classifier-multi-select>
</crowd-form>
"""
IMAGE = f"""
<crowd-form>
  <crowd-image-classifier name="box" header="Right?" src="{PICTURE}" categories="['Right', 'Wrong']"
    overlay="{{boundingBox: {{value: [{{label: 'cat', left: 100, top: 50, width: 200, height: 100}}]}}}}">
    <worker-comment header="Why?" link-text="Say why" placeholder="for instance">Name the box.</worker-comment>
  </crowd-image-classifier>
</crowd-form>
"""
IMAGE_SEVERAL = f"""
<crowd-form>
  <crowd-image-classifier-multi-select name="animals" header="Animals?" src="{PICTURE}"
    categories="['Cat', 'Dog', 'Horse', 'Pig', 'Bird', 'Cow', 'Hen', 'Owl', 'Fox', 'Bee']"
    exclusion-category="{{ text: 'None' }}"></crowd-image-classifier-multi-select>
</crowd-form>
"""
WEAPONS = {"name": "Weapons", "parentName": "Violence", "confidence": 78.2, "extra": [1, {"kept": True}]}
VIOLENCE = {"name": "Violence", "parentName": ""}
LABELS = """[{name: "Weapons", parentName: "Violence", confidence: 78.2, extra: [1, {kept: true}],},
  {name: "Smoking", parentName: "Drugs"}, {name: "Violence", parentName: ""},]"""
TEXT = "👩🏽‍💻 Ada met Charles Babbage 🎉 in London"
PERSON_LABELS = "[{'label': 'person', 'shortDisplayName': 'per', 'fullDisplayName': 'Person'}, 'place']"
ENTITIES = f"""<crowd-entity-annotation name="ner" header="Mark" text="{TEXT}" labels="{PERSON_LABELS}">
  <short-instructions>Names only.</short-instructions></crowd-entity-annotation>"""


def moderation(attributes: str, categories: str = LABELS, src: str = PICTURE) -> str:
    return f"""<crowd-form><crowd-rekognition-detect-moderation-labels header="Which labels apply?" src="{src}"
      categories='{categories}' {attributes}></crowd-rekognition-detect-moderation-labels></crowd-form>"""


EXCLUSION = """exclusion-category="{text: 'None of these'}" """


class Screen(Harness):
    """The frame as large as the portal makes it."""

    def show(self, content: str) -> None:
        super().show(content)
        self.page.eval_on_selector("iframe", "(frame) => frame.style = 'width: 1300px; height: 820px'")
        self.frame.wait_for_function("() => innerWidth === 1300")
        self.frame.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")


@pytest.fixture
def harness(page: Page) -> Harness:
    return Screen(page)


def place_of(shown: Locator) -> dict[str, float]:
    """Where something is on the page, in pixels."""
    box = shown.bounding_box()
    assert box
    return dict(box)


def focus(harness: Harness) -> None:
    """Do what the portal does with a new task."""
    harness.page.locator("iframe").focus()
    harness.tell("focus")
    harness.frame.wait_for_function("() => document.activeElement !== document.body")


def press(harness: Harness, *keys: str) -> None:
    for key in keys:
        harness.page.keyboard.press(key)


def refused(harness: Harness, message: str) -> None:
    expect(harness.frame.get_by_role("alert")).to_have_text(message)
    assert harness.messages("submit") == []


def whole(text: str, part: str, label: str) -> dict[str, Any]:
    """The entity that a part of a text is; Python's indices are code points."""
    start = text.index(part)
    return {"startOffset": start, "endOffset": start + len(part), "label": label}


# Each element, by the mouse and by the keyboard alone


@pytest.mark.parametrize(
    ("content", "clicks", "keys", "answer"),
    [
        (CLASSIFIER, ["Positive", "Negative"], ["1", "3"], {"mood": {"label": "Negative"}}),
        (SEVERAL, ["Staff", "Price"], ["2", "1"], {"topics": {"labels": ["Price", "Staff"]}}),
        (SEVERAL, ["None of the above"], ["3"], {"topics": {"labels": ["None of the above"]}}),
        (IMAGE, ["Wrong"], ["2"], {"box": {"label": "Wrong"}}),
        (IMAGE_SEVERAL, ["Dog", "Bee", "Dog"], ["2", "a", "2"], {"animals": {"labels": ["Bee"]}}),
        (
            moderation(EXCLUSION),
            ["Violence", "Smoking", "Smoking"],
            ["1", "3", "3"],
            {MODERATION: {"moderationLabels": [WEAPONS, VIOLENCE]}},
        ),
        (moderation(EXCLUSION), ["None of these"], ["0"], {MODERATION: {"moderationLabels": []}}),
        (
            moderation("", '["Gore", "Nudity"]'),
            ["Nudity"],
            ["2"],
            {MODERATION: {"moderationLabels": ["Nudity"]}},
        ),
        (moderation("", '["Gore", "Nudity"]'), [], [], {MODERATION: {"moderationLabels": []}}),
    ],
)
@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_answer(
    harness: Harness, by: str, content: str, clicks: list[str], keys: list[str], answer: dict[str, Any]
) -> None:
    harness.show(content)
    if content == moderation(EXCLUSION):
        # The order shown is the hierarchy's, not the attribute's.
        names = harness.frame.locator(".choice .name").all_text_contents()
        assert names == ["Violence", "Weapons", "Smoking", "None of these"]
    if by == "mouse":
        for name in clicks:
            harness.frame.locator(".choice", has_text=name).click()
        harness.frame.click("crowd-button")
    else:
        focus(harness)
        press(harness, *keys, "Enter")
    assert harness.submitted() == answer


@pytest.mark.parametrize(
    ("content", "draft"),
    [
        (CLASSIFIER, {"mood": {"label": "Neutral"}}),
        (SEVERAL, {"topics": {"labels": ["Staff"]}}),
        (SEVERAL, {"topics": {"labels": ["None of the above"]}}),
        (IMAGE, {"box": {"label": "Right", "workerComment": "It is\nthe cat."}}),
        (IMAGE_SEVERAL, {"animals": {"labels": ["Cat", "Bee"]}}),
        (moderation(EXCLUSION), {MODERATION: {"moderationLabels": [VIOLENCE]}}),
        (moderation(EXCLUSION), {MODERATION: {"moderationLabels": []}}),
        (moderation(""), {MODERATION: {"moderationLabels": []}}),
        (ENTITIES, {"ner": {"entities": [whole(TEXT, "Ada", "person"), whole(TEXT, "London", "place")]}}),
        (ENTITIES, {"ner": {"entities": []}}),
    ],
)
def test_a_draft_is_put_back_whole(harness: Harness, content: str, draft: dict[str, Any]) -> None:
    harness.show(content)
    harness.tell("draft", answer=draft)
    harness.tell("submit")
    assert harness.submitted() == draft


@pytest.mark.parametrize(
    ("content", "message", "key"),
    [
        (CLASSIFIER, "Choose a category.", "1"),
        (SEVERAL, "Choose at least one category, or “None of the above”.", "1"),
        (SEVERAL.replace("exclusion-category", "data-x"), "Choose at least one category.", "1"),
        (IMAGE, "Choose a category.", "1"),
        (
            moderation(EXCLUSION, '["Gore"]'),
            "Choose at least one category, or “None of these”.",
            "0",
        ),
    ],
)
def test_a_missing_choice_is_refused_and_said(harness: Harness, content: str, message: str, key: str) -> None:
    harness.show(content)
    focus(harness)
    press(harness, "Enter")
    refused(harness, message)
    press(harness, key, "Enter")
    harness.submitted()


# Keys


def test_a_change_by_key_is_reported_for_the_draft(harness: Harness) -> None:
    harness.show(CLASSIFIER)
    focus(harness)
    press(harness, "2")
    assert harness.wait_for("change")["answer"] == {"mood": {"label": "Neutral"}}


def test_keys_typed_into_a_text_field_choose_nothing(harness: Harness) -> None:
    harness.show(IMAGE)
    focus(harness)
    press(harness, "1")
    harness.frame.click("summary")
    area = harness.frame.get_by_label("Why?")
    expect(area).to_have_attribute("placeholder", "for instance")
    area.click()
    harness.page.keyboard.type("2 + 2")
    press(harness, "Enter")
    harness.page.keyboard.type("0")
    assert harness.messages("submit") == []
    harness.frame.click("crowd-button")
    assert harness.submitted() == {"box": {"label": "Right", "workerComment": "2 + 2\n0"}}


def test_keys_are_for_the_classifier_with_the_focus(harness: Harness) -> None:
    second = '<crowd-classifier name="b" header="B?" categories="[\'x\', \'y\']"></crowd-classifier>'
    harness.show(CLASSIFIER.replace("</crowd-form>", second + "</crowd-form>"))
    focus(harness)
    press(harness, "2")
    harness.frame.locator(".choice", has_text="x").click()
    press(harness, "2", "Enter")
    assert harness.submitted() == {"mood": {"label": "Neutral"}, "b": {"label": "y"}}


def test_an_enter_held_since_the_task_before_does_not_submit(harness: Harness) -> None:
    harness.show(CLASSIFIER.replace("name=", "initial-value='Neutral' name="))
    focus(harness)
    harness.frame.evaluate(
        "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', repeat: true, bubbles: true }))"
    )
    harness.page.wait_for_timeout(100)
    assert harness.messages("submit") == []
    press(harness, "Enter")
    assert harness.submitted() == {"mood": {"label": "Neutral"}}


def test_digits_count_on_a_keyboard_that_has_them_shifted(harness: Harness) -> None:
    harness.show(CLASSIFIER)
    harness.frame.evaluate(
        "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'é', code: 'Digit2', bubbles: true }))"
    )
    assert harness.wait_for("change")["answer"] == {"mood": {"label": "Neutral"}}


def test_the_exclusion_takes_back_and_disables_the_others(harness: Harness) -> None:
    harness.show(SEVERAL)
    focus(harness)
    press(harness, "1", "3")
    boxes = harness.frame.locator(".choice input")
    assert [box.is_checked() for box in boxes.all()] == [False, False, True]
    assert [box.is_disabled() for box in boxes.all()] == [True, True, False]
    press(harness, "1")
    assert not boxes.first.is_checked()
    press(harness, "3", "1", "Enter")
    assert harness.submitted() == {"topics": {"labels": ["Price"]}}


def test_a_disabled_classifier_takes_nothing(harness: Harness) -> None:
    harness.show(CLASSIFIER.replace("name=", "initial-value='Neutral' disabled name="))
    harness.page.locator("iframe").focus()
    press(harness, "1")
    harness.tell("submit")
    assert harness.submitted() == {}


def test_the_regions_are_in_their_places(harness: Harness) -> None:
    harness.show(CLASSIFIER)
    target = place_of(harness.frame.locator("classification-target"))
    note = place_of(harness.frame.locator("short-instructions"))
    assert target["x"] + target["width"] <= note["x"]
    expect(harness.frame.get_by_role("heading", name="Mood?")).to_be_visible()


# Images


def width_of_image(harness: Harness) -> float:
    width: float = harness.frame.locator("img.image").evaluate(
        "(image) => image.getBoundingClientRect().width"
    )
    return width


def test_an_image_is_zoomed_by_keys_and_wheel_and_moved(harness: Harness) -> None:
    harness.show(IMAGE)
    expect(harness.frame.locator("img.image")).to_be_visible()
    focus(harness)
    whole_width = width_of_image(harness)
    press(harness, "+", "+")
    assert width_of_image(harness) == pytest.approx(whole_width * 1.25**2, rel=0.01)
    press(harness, "-")
    assert width_of_image(harness) == pytest.approx(whole_width * 1.25, rel=0.01)
    press(harness, "0")
    assert width_of_image(harness) == pytest.approx(whole_width, rel=0.01)

    stage = harness.frame.locator(".stage")
    box = place_of(stage)
    harness.page.mouse.move(box["x"] + 100, box["y"] + 100)
    for _ in range(4):
        harness.page.mouse.wheel(0, -100)
    harness.frame.wait_for_function(
        "(width) => document.querySelector('crowd-image-classifier').shadowRoot.querySelector('image-view')"
        ".shadowRoot.querySelector('img').getBoundingClientRect().width > 2 * width",
        arg=whole_width,
    )
    before = place_of(harness.frame.locator("img.image"))
    harness.page.mouse.down()
    harness.page.mouse.move(box["x"] + 60, box["y"] + 80, steps=4)
    harness.page.mouse.up()
    after = place_of(harness.frame.locator("img.image"))
    assert after["x"] - before["x"] == pytest.approx(-40, abs=2)
    assert after["y"] - before["y"] == pytest.approx(-20, abs=2)
    press(harness, "ArrowRight")
    moved = place_of(harness.frame.locator("img.image"))
    assert moved["x"] == pytest.approx(after["x"] - 60, abs=2)


def test_boxes_of_an_overlay_lie_where_they_were_drawn(harness: Harness) -> None:
    harness.show(IMAGE)
    expect(harness.frame.locator("img.image")).to_be_visible()
    image = place_of(harness.frame.locator("img.image"))
    box = place_of(harness.frame.locator(".box"))
    scale = image["width"] / 400
    assert [box["x"] - image["x"], box["y"] - image["y"], box["width"], box["height"]] == pytest.approx(
        [100 * scale, 50 * scale, 200 * scale, 100 * scale], abs=1
    )
    expect(harness.frame.locator(".box")).to_have_text("cat")


def test_a_mask_tints_its_regions_and_leaves_the_rest(harness: Harness) -> None:
    mask = (
        "data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 width=%22400%22 height=%22200%22%3E"
        "%3Crect width=%22200%22 height=%22200%22 fill=%22white%22/%3E"
        "%3Crect x=%22200%22 width=%22200%22 height=%22200%22 fill=%22%23ff0000%22/%3E%3C/svg%3E"
    )
    overlay = f"{{semanticSegmentation: {{src: '{mask}', labelMappings: {{cat: {{color: '#ff0000'}}}}}}}}"
    harness.show(
        f"""<crowd-form><crowd-image-classifier name="a" header="Right?" src="{PICTURE}" categories="['x']"
          overlay="{overlay}"></crowd-image-classifier></crowd-form>"""
    )
    expect(harness.frame.get_by_role("listitem")).to_have_text("cat")
    shot = Image.open(io.BytesIO(harness.frame.locator(".stage").screenshot())).convert("RGB")
    assert shot.getpixel((shot.width // 4, shot.height // 2)) == (0xCC, 0xDD, 0xEE)
    red, green, _ = shot.getpixel((shot.width * 3 // 4, shot.height // 2))
    assert red > 0xDD
    assert 0x40 < green < 0x80


@pytest.mark.parametrize(
    "content",
    [
        IMAGE.replace(PICTURE, "http://images.test/a.svg"),
        moderation("", "['Gore']".replace("'", '"'), "http://images.test/a.svg"),
    ],
)
def test_a_broken_image_can_be_tried_again_and_answered(harness: Harness, content: str) -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"/>'
    granted = False

    def answer(route: Route) -> None:
        if granted:
            route.fulfill(body=drawing, content_type="image/svg+xml")
        else:
            route.fulfill(status=403, body="expired")

    harness.page.route("http://images.test/**", answer)
    harness.show(content)
    expect(harness.frame.get_by_text("The image could not be loaded.")).to_be_visible()
    harness.frame.locator(".choice").first.click()
    harness.wait_for("change")
    granted = True
    harness.frame.get_by_role("button", name="Try again").click()
    expect(harness.frame.locator("img.image")).to_be_visible()
    press(harness, "Enter")
    harness.submitted()


def filter_of(harness: Harness) -> str:
    found: str = harness.frame.locator("img.image").evaluate("(image) => getComputedStyle(image).filter")
    return found


def test_the_blur_goes_while_space_is_held(harness: Harness) -> None:
    harness.show(moderation('blur="20"'))
    expect(harness.frame.locator("img.image")).to_be_visible()
    focus(harness)
    assert filter_of(harness) == "blur(20px)"
    harness.page.keyboard.down("Space")
    assert filter_of(harness) == "none"
    harness.page.keyboard.up("Space")
    assert filter_of(harness) == "blur(20px)"
    harness.frame.locator(".choice", has_text="Smoking").click()
    harness.page.keyboard.down("Space")
    assert filter_of(harness) == "none"
    harness.page.keyboard.up("Space")
    assert harness.frame.locator(".choice", has_text="Smoking").locator("input").is_checked()
    press(harness, "b")
    assert filter_of(harness) == "blur(24px)"
    press(harness, "b")
    assert filter_of(harness) == "none"
    press(harness, "g")
    assert filter_of(harness) == "grayscale(1)"
    press(harness, "b", "g")
    assert filter_of(harness) == "blur(6px)"
    harness.frame.get_by_role("button", name="Hold to show").hover()
    harness.page.mouse.down()
    assert filter_of(harness) == "none"
    harness.page.mouse.up()
    assert filter_of(harness) == "blur(6px)"


def test_space_on_a_focused_label_is_the_check_boxs_own(harness: Harness) -> None:
    harness.show(moderation('blur="20"', '["Gore"]'))
    focus(harness)
    while not harness.frame.locator(".choice input").evaluate("(box) => box.matches(':focus')"):
        press(harness, "Tab")
    press(harness, "Space")
    assert filter_of(harness) == "blur(20px)"
    press(harness, "Enter")
    assert harness.submitted() == {MODERATION: {"moderationLabels": ["Gore"]}}


def test_an_image_is_clear_unless_the_template_wants_a_blur(harness: Harness) -> None:
    harness.show(moderation(""))
    expect(harness.frame.locator("img.image")).to_be_visible()
    assert filter_of(harness) == "none"


@pytest.mark.parametrize(
    ("attributes", "chosen"),
    [("", ["Weapons"]), ("initial-value=\"['Smoking']\"", ["Smoking"]), ('initial-value="[]"', [])],
)
def test_predicted_labels_are_chosen_unless_there_is_an_initial_value(
    harness: Harness, attributes: str, chosen: list[str]
) -> None:
    harness.show(moderation(attributes))
    assert harness.frame.locator(".choice.on .name").all_text_contents() == chosen
    expect(harness.frame.locator(".choice", has_text="Weapons")).to_contain_text("78.2 %")


def test_labels_stand_under_their_parents_whatever_the_order(harness: Harness) -> None:
    categories = """[{name: "c", parentName: "b"}, {name: "b", parentName: "a"}, {name: "x", parentName: "y"},
      {name: "y", parentName: "x"}, {name: "a", parentName: ""}, {name: "d", parentName: "absent"}]"""
    harness.show(moderation("", categories))
    rows = harness.frame.locator(".row").evaluate_all(
        "(rows) => rows.map((row) => [row.querySelector('.name').textContent, row.style.getPropertyValue('--depth')])"
    )
    assert rows == [["a", "0"], ["b", "1"], ["c", "2"], ["x", "0"], ["y", "1"], ["d", "1"]]
    expect(harness.frame.locator(".parent")).to_have_text("absent")


def test_the_question_mark_lists_the_keys(harness: Harness) -> None:
    harness.show(moderation(EXCLUSION))
    focus(harness)
    press(harness, "?")
    dialog = harness.frame.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    press(harness, "0", "Escape")
    expect(dialog).not_to_be_visible()
    assert harness.frame.locator(".choice.on .name").all_text_contents() == ["Weapons"]


def test_boxes_of_instances_are_drawn(harness: Harness) -> None:
    box = "{left: 0.25, top: 0.5, width: 0.5, height: 0.25}"
    harness.show(moderation("", f'[{{name: "Gun", confidence: 60, instances: [{{boundingBox: {box}}}]}}]'))
    expect(harness.frame.locator("img.image")).to_be_visible()
    image = place_of(harness.frame.locator("img.image"))
    drawn = place_of(harness.frame.locator(".box"))
    assert drawn["x"] - image["x"] == pytest.approx(image["width"] / 4, abs=1)
    assert drawn["height"] == pytest.approx(image["height"] / 4, abs=1)


# Text


def test_text_is_labelled_by_the_keyboard_alone(harness: Harness) -> None:
    harness.show(ENTITIES)
    focus(harness)
    press(harness, "ArrowRight", "ArrowRight", "1")  # the person in front of the name is a word, too
    press(harness, "ArrowRight", "ArrowRight", "Shift+ArrowRight", "1")
    press(harness, "End", "2", "Enter")
    entities = [
        whole(TEXT, "Ada", "person"),
        whole(TEXT, "Charles Babbage", "person"),
        whole(TEXT, "London", "place"),
    ]
    assert harness.submitted() == {"ner": {"entities": entities}}


def test_characters_and_emoji_can_be_selected(harness: Harness) -> None:
    harness.show(ENTITIES)
    focus(harness)
    press(harness, "Home", "2")
    press(harness, "End", "Control+Shift+ArrowLeft", "Control+Shift+ArrowLeft", "2", "Enter")
    entities = [whole(TEXT, "👩🏽‍💻", "place"), whole(TEXT, "Lond", "place")]
    assert entities[0] == {"startOffset": 0, "endOffset": 4, "label": "place"}
    assert harness.submitted() == {"ner": {"entities": entities}}


def drag_over(harness: Harness, words: str) -> None:
    """Select words of the text with the mouse."""
    corners = harness.frame.locator(".text").evaluate(
        """(area, words) => {
          const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const at = node.data.indexOf(words);
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + words.length);
            const { left, right, top, bottom } = range.getBoundingClientRect();
            return { left, right, middle: (top + bottom) / 2 };
          }
        }""",
        words,
    )
    frame = place_of(harness.page.locator("iframe"))
    border = harness.page.locator("iframe").evaluate("(frame) => frame.clientLeft")
    x, y = frame["x"] + border, frame["y"] + border + corners["middle"]
    harness.page.mouse.move(x + corners["left"] + 1, y)
    harness.page.mouse.down()
    harness.page.mouse.move(x + corners["right"] - 1, y, steps=5)
    harness.page.mouse.up()


def test_text_is_labelled_by_the_mouse_in_either_order(harness: Harness) -> None:
    harness.show(ENTITIES)
    drag_over(harness, "Charles Babbage ")
    harness.frame.get_by_role("button", name="Person").first.click()
    harness.frame.get_by_role("button", name="place", exact=True).click()
    drag_over(harness, "London")
    drag_over(harness, "Ada")
    harness.frame.get_by_role("button", name="place – remove from “London”").click()
    harness.frame.click("crowd-button")
    entities = [whole(TEXT, "Ada", "place"), whole(TEXT, "Charles Babbage", "person")]
    assert harness.submitted() == {"ner": {"entities": entities}}


def test_an_entity_is_changed_and_removed(harness: Harness) -> None:
    initial = (
        "[{label: 'person', startOffset: 5, endOffset: 8}, {label: 'place', startOffset: 34, endOffset: 40}]"
    )
    harness.show(ENTITIES.replace("name=", f'initial-value="{initial}" name=', 1))
    assert harness.frame.locator("mark .piece").all_text_contents() == ["Ada", "London"]
    harness.frame.locator("mark .piece", has_text="Ada").click()
    press(harness, "2")
    harness.frame.locator("mark .piece", has_text="London").click()
    press(harness, "Delete", "Enter")
    assert harness.submitted() == {"ner": {"entities": [whole(TEXT, "Ada", "place")]}}


def test_entities_that_overlap_are_kept_as_they_were_given(harness: Harness) -> None:
    entities = [whole(TEXT, "Charles", "person"), whole(TEXT, "Charles Babbage", "person")]
    harness.show(ENTITIES.replace("name=", f'initial-value="{entities[::-1]}" name=', 1))
    assert harness.frame.locator(".text .piece").all_text_contents() == [
        "👩🏽‍💻 Ada met ",
        "Charles",
        " Babbage",
        " 🎉 in London",
    ]
    harness.tell("submit")
    assert harness.submitted() == {"ner": {"entities": entities}}


def test_a_new_entity_replaces_those_under_it(harness: Harness) -> None:
    harness.show(ENTITIES)
    focus(harness)
    press(harness, "Home", "ArrowRight", "1", "Shift+ArrowRight", "2", "Enter")
    assert harness.submitted() == {"ner": {"entities": [whole(TEXT, "Ada met", "place")]}}


def test_the_lines_of_a_text_are_gone_through(harness: Harness) -> None:
    text = "one two three&#10;four five six&#10;seven eight nine"
    harness.show(ENTITIES.replace(TEXT, text))
    focus(harness)
    press(
        harness, "Home", "ArrowRight", "ArrowDown", "1", "ArrowDown", "2", "ArrowUp", "ArrowUp", "1", "Enter"
    )
    lines = "one two three\nfour five six\nseven eight nine"
    found = harness.submitted()["ner"]["entities"]
    assert found == [
        whole(lines, "two", "person"),
        whole(lines, "five", "person"),
        whole(lines, "eight", "place"),
    ]


def test_it_has_a_form_of_its_own_that_the_portal_knows(harness: Harness) -> None:
    harness.show(ENTITIES)
    assert harness.frame.locator("crowd-form").count() == 1
    assert harness.frame.locator("crowd-button").all_text_contents() == ["Submit"]
    focus(harness)
    press(harness, "Home", "1")
    draft = {"ner": {"entities": [whole(TEXT, "👩🏽‍💻", "person")]}}
    assert harness.wait_for("change")["answer"] == draft
    harness.tell("submit")
    assert harness.submitted() == draft


def test_it_works_inside_a_form_with_other_fields(harness: Harness) -> None:
    harness.show(
        f"<crowd-form>{ENTITIES}<crowd-input name='note' label='Note' value='x'></crowd-input></crowd-form>"
    )
    assert harness.frame.locator("crowd-form").count() == 1
    harness.frame.click("crowd-input input")
    press(harness, "1", "Backspace")
    harness.frame.click("crowd-button")
    assert harness.submitted() == {"ner": {"entities": []}, "note": "x"}


def test_a_template_adds_fields_to_its_form(harness: Harness) -> None:
    harness.show(
        ENTITIES
        + """<input id="more" name="more" value="added"><script>
          document.addEventListener("all-crowd-elements-ready", () => document.querySelector("crowd-entity-annotation")
            .shadowRoot.querySelector("crowd-form").form.appendChild(document.querySelector("#more")));
        </script>"""
    )
    harness.tell("submit")
    assert harness.submitted() == {"ner": {"entities": []}, "more": "added"}
