"""Elements that annotate an image: by mouse and by keyboard, in pixels of the natural image."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route
from test_elements import Harness

WIDTH, HEIGHT = 400, 300
SIZE = {"height": HEIGHT, "width": WIDTH}
SVG = (
    f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'>"
    "<rect width='400' height='300' fill='#cde'/></svg>"
)
SRC = "data:image/svg+xml;base64," + base64.b64encode(SVG.encode()).decode()
LABELS = "['Cat', 'Dog', 'Bird']"
CAT, DOG = (0x1F, 0x77, 0xB4, 255), (0xFF, 0x7F, 0x0E, 255)
NOTHING = (0, 0, 0, 0)


class Annotating(Harness):
    """One element in a frame that is large enough to draw in."""

    def annotate(self, element: str, attributes: str = "", src: str = SRC) -> None:
        self.element = element
        self.show(
            f'<crowd-form><{element} name="a" src="{src}" labels="{LABELS}" {attributes}></{element}></crowd-form>'
        )
        self.page.add_style_tag(content="iframe { width: 1300px; height: 860px; border: 0; }")
        self.page.wait_for_timeout(100)

    def load(self, src: str) -> None:
        """Give the image late: what a new frame asks for at once may come before routes see it."""
        self.frame.evaluate("([name, src]) => (document.querySelector(name).src = src)", [self.element, src])
        self.when_ready()

    def when_ready(self) -> None:
        self.frame.evaluate(
            """(name) => Promise.race([
              document.querySelector(name).imageReady,
              new Promise((_, reject) => setTimeout(() => reject(new Error("no image")), 10_000)),
            ])""",
            self.element,
        )

    @property
    def value(self) -> dict[str, Any]:
        value: dict[str, Any] = self.frame.evaluate(
            "(name) => document.querySelector(name).value", self.element
        )
        return value

    def screen(self, x: float, y: float) -> tuple[tuple[int, int], tuple[float, float]]:
        """Return a whole pixel of the screen near one of the image, and where exactly it is in the image."""
        box = self.frame.locator("img").bounding_box()
        assert box
        at = (round(box["x"] + x * box["width"] / WIDTH), round(box["y"] + y * box["height"] / HEIGHT))
        return at, ((at[0] - box["x"]) * WIDTH / box["width"], (at[1] - box["y"]) * HEIGHT / box["height"])

    def click(self, x: float, y: float) -> dict[str, int]:
        at, (left, top) = self.screen(x, y)
        self.page.mouse.click(*at)
        return {"x": round(left), "y": round(top)}

    def drag(self, *points: tuple[float, float]) -> list[tuple[int, int]]:
        """Drag over points of the image; return where exactly they were, rounded."""
        places = [self.screen(*point) for point in points]
        self.page.mouse.move(*places[0][0])
        self.page.mouse.down()
        for place, _ in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()
        return [(round(x), round(y)) for _, (x, y) in places]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def focus(self) -> None:
        self.frame.focus(".view")

    @property
    def zoom(self) -> float:
        box = self.frame.locator("img").bounding_box()
        assert box
        return box["width"] / WIDTH

    def picture(self, name: str = "") -> Image.Image:
        value = self.value if not name else self.submitted()[name]
        png = base64.b64decode(value["labeledImage"]["pngImageData"], validate=True)
        picture = Image.open(io.BytesIO(png))
        assert picture.format == "PNG"
        return picture.convert("RGBA")


@pytest.fixture
def tool(page: Page) -> Iterator[Annotating]:
    return Annotating(page)


def box(left: int, top: int, width: int, height: int, label: str = "Cat") -> dict[str, Any]:
    return {"height": height, "label": label, "left": left, "top": top, "width": width}


BOX = "[{ height: 80, label: 'Cat', left: 100, top: 60, width: 120 }]"
POLYGON = "[{ label: 'Dog', vertices: [{ x: 100, y: 60 }, { x: 200, y: 60 }, { x: 150, y: 160 }] }]"


# ---- boxes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zoom_keys", ["", "++", "---------", "+++++"], ids=["fit", "in", "25 %", "far in"])
def test_a_box_is_drawn_in_pixels_of_the_image_at_every_zoom(tool: Annotating, zoom_keys: str) -> None:
    tool.annotate("crowd-bounding-box")
    tool.focus()
    tool.press(*zoom_keys)
    # Near the middle, which is in view however far the zoom is in.
    (left, top), (right, bottom) = tool.drag((180, 130), (215, 165))
    assert tool.value == {
        "boundingBoxes": [box(left, top, right - left, bottom - top)],
        "inputImageProperties": SIZE,
    }
    slack = 1 / tool.zoom + 1
    assert abs(left - 180) <= slack
    assert abs(bottom - 165) <= slack


def test_zoom_has_limits_and_the_wheel_keeps_the_place_under_the_pointer(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box")
    tool.focus()
    fit = tool.zoom
    tool.press(*"+" * 20)
    assert tool.zoom == pytest.approx(8)
    tool.press(*"-" * 30)
    assert tool.zoom == pytest.approx(0.25)
    tool.press("0")
    assert tool.zoom == pytest.approx(fit)
    at, place = tool.screen(150, 100)
    tool.page.mouse.move(*at)
    tool.page.mouse.wheel(0, -500)
    tool.page.wait_for_timeout(200)
    assert tool.zoom > fit * 2
    after, _ = tool.screen(*place)
    assert after == pytest.approx(at, abs=1)


def test_the_view_is_moved_by_space_the_middle_button_and_arrow_keys(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box")
    tool.focus()
    tool.press(*"+++++++")
    start, _ = tool.screen(200, 150)
    tool.page.keyboard.down("Space")
    tool.drag((200, 150), (210, 160))
    tool.page.keyboard.up("Space")
    by_space, _ = tool.screen(200, 150)
    assert by_space[0] > start[0]
    assert by_space[1] > start[1]
    tool.page.mouse.move(600, 400)
    tool.page.mouse.down(button="middle")
    tool.page.mouse.move(570, 400)
    tool.page.mouse.up(button="middle")
    by_button, _ = tool.screen(200, 150)
    assert by_button[0] == pytest.approx(by_space[0] - 30, abs=1)
    tool.press("ArrowLeft")
    by_key, _ = tool.screen(200, 150)
    assert by_key[0] > by_button[0]
    assert tool.value["boundingBoxes"] == []


def test_a_box_is_moved_and_resized_by_mouse(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box", f'initial-value="{BOX}"')
    assert tool.value["initialValueModified"] is False
    tool.click(160, 100)
    (x, y), (to_x, to_y) = tool.drag((160, 100), (190, 120))
    moved = tool.value["boundingBoxes"][0]
    assert moved["width"] == 120
    assert moved["height"] == 80
    assert moved["left"] == pytest.approx(100 + to_x - x, abs=1)
    assert moved["top"] == pytest.approx(60 + to_y - y, abs=1)
    assert tool.value["initialValueModified"] is True
    right, bottom = moved["left"] + 120, moved["top"] + 80
    _, (corner_x, corner_y) = tool.drag((right, bottom), (right + 40, bottom + 30))
    assert tool.value["boundingBoxes"] == [
        box(moved["left"], moved["top"], corner_x - moved["left"], corner_y - moved["top"])
    ]
    tool.press("Control+z")
    assert tool.value["boundingBoxes"] == [moved]
    tool.press("Control+z")
    assert tool.value["initialValueModified"] is False
    tool.press("Control+Shift+z", "Control+Shift+z")
    assert tool.value["boundingBoxes"][0]["width"] == corner_x - moved["left"]


def test_a_box_cannot_leave_the_image(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box", f'initial-value="{BOX}"')
    tool.click(160, 100)
    tool.drag((160, 100), (-20, -20))
    assert tool.value["boundingBoxes"] == [box(0, 0, 120, 80)]
    tool.press("Delete")
    tool.drag((380, 280), (450, 350))
    drawn = tool.value["boundingBoxes"][0]
    assert (drawn["left"] + drawn["width"], drawn["top"] + drawn["height"]) == (WIDTH, HEIGHT)


def test_a_box_can_be_begun_inside_another(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box", f'initial-value="{BOX}"')
    tool.drag((130, 80), (170, 120))
    boxes = tool.value["boundingBoxes"]
    assert len(boxes) == 2
    assert boxes[0] == box(100, 60, 120, 80)


def test_boxes_by_keyboard_alone(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box")
    tool.focus()
    tool.press("2", "n")
    (made,) = tool.value["boundingBoxes"]
    assert made["label"] == "Dog"
    assert made["left"] + made["width"] / 2 == pytest.approx(WIDTH / 2, abs=1)
    tool.press("ArrowRight", "ArrowRight", "Shift+ArrowDown", "Alt+ArrowRight", "Shift+Alt+ArrowUp")
    expected = box(made["left"] + 2, made["top"] + 10, made["width"] + 1, made["height"] - 10, "Dog")
    assert tool.value["boundingBoxes"] == [expected]
    tool.press("Shift+Digit3")
    assert tool.value["boundingBoxes"] == [{**expected, "label": "Bird"}]
    tool.press("Control+z")
    assert tool.value["boundingBoxes"] == [expected]
    tool.press("Delete")
    assert tool.value["boundingBoxes"] == []
    tool.press("Control+z")
    assert tool.value["boundingBoxes"] == [expected]
    tool.press("Control+y")
    assert tool.value["boundingBoxes"] == []


def test_the_list_selects_relabels_and_deletes_by_keyboard(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box", f'initial-value="{BOX}"')
    tool.frame.focus("li .what")
    tool.press("Enter", "ArrowRight")
    assert tool.value["boundingBoxes"] == [box(101, 60, 120, 80)]
    assert tool.frame.get_attribute("li .what", "aria-pressed") == "true"
    tool.frame.select_option("li select", "Bird")
    assert tool.value["boundingBoxes"] == [box(101, 60, 120, 80, "Bird")]
    tool.frame.focus("li .remove")
    tool.press("Enter")
    assert tool.value["boundingBoxes"] == []
    assert tool.frame.evaluate("document.activeElement.shadowRoot.activeElement.role") == "application"


def test_a_label_is_chosen_for_what_comes_next(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box")
    tool.drag((20, 20), (60, 60))
    tool.press("2")
    tool.drag((120, 20), (160, 60))
    tool.frame.click("button.label >> nth=2")
    tool.drag((220, 20), (260, 60))
    assert [entry["label"] for entry in tool.value["boundingBoxes"]] == ["Cat", "Dog", "Bird"]


def test_nothing_can_be_changed_while_disabled(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box", f'initial-value="{BOX}" disabled')
    tool.drag((250, 200), (300, 250))
    tool.focus()
    tool.press("n", "Delete")
    assert tool.value["boundingBoxes"] == [box(100, 60, 120, 80)]


# ---- points and lines ------------------------------------------------------------------------------------------------


def test_keypoints_are_set_moved_and_deleted(tool: Annotating) -> None:
    tool.annotate("crowd-keypoint")
    tool.click(100, 100)
    tool.press("3")
    tool.click(300, 200)
    first, second = tool.value["keypoints"]
    assert (first["label"], second["label"]) == ("Cat", "Bird")
    assert (first["x"], first["y"]) == pytest.approx((100, 100), abs=1)
    assert (second["x"], second["y"]) == pytest.approx((300, 200), abs=1)
    tool.press("ArrowLeft", "Shift+ArrowUp")
    assert tool.value["keypoints"][1] == {"label": "Bird", "x": second["x"] - 1, "y": second["y"] - 10}
    tool.drag((first["x"] + 0.5, first["y"] + 0.5), (50, 60))
    moved = tool.value["keypoints"][0]
    assert (moved["x"], moved["y"]) == pytest.approx((50, 60), abs=1)
    tool.press("Delete", "n")
    assert tool.value["keypoints"][1:] == [{"label": "Bird", "x": 200, "y": 150}]
    assert tool.value["inputImageProperties"] == SIZE


def test_a_keypoint_is_a_pixel_of_the_image(tool: Annotating) -> None:
    tool.annotate("crowd-keypoint")
    tool.drag((200, 150), (450, 340))
    assert tool.value["keypoints"] == [{"label": "Cat", "x": WIDTH - 1, "y": HEIGHT - 1}]


@pytest.mark.parametrize("end", ["click on the first", "Enter"])
def test_a_polygon_is_clicked(tool: Annotating, end: str) -> None:
    tool.annotate("crowd-polygon")
    corners = [tool.click(100, 50), tool.click(200, 60), tool.click(180, 160), tool.click(20, 20)]
    tool.press("Backspace")
    assert tool.value["polygons"] == []
    if end == "Enter":
        tool.press("Enter")
    else:
        tool.click(corners[0]["x"], corners[0]["y"])
    assert tool.value == {
        "polygons": [{"label": "Cat", "vertices": corners[:3]}],
        "inputImageProperties": SIZE,
    }


def test_a_polygon_needs_three_corners_and_an_end(tool: Annotating) -> None:
    tool.annotate("crowd-polygon")
    tool.click(100, 50)
    tool.click(200, 60)
    tool.press("Enter")
    tool.tell("submit")
    tool.page.wait_for_timeout(200)
    assert tool.messages("submit") == []
    tool.press("Escape")
    tool.tell("submit")
    assert tool.submitted() == {"a": {"polygons": [], "inputImageProperties": SIZE}}


def test_corners_are_moved_by_mouse_and_keyboard(tool: Annotating) -> None:
    tool.annotate("crowd-polygon", f'initial-value="{POLYGON}"')
    tool.click(150, 60)
    (_, place) = tool.drag((150, 160), (170, 200))
    vertices = tool.value["polygons"][0]["vertices"]
    assert vertices == [{"x": 100, "y": 60}, {"x": 200, "y": 60}, {"x": place[0], "y": place[1]}]
    tool.press("v", "Shift+ArrowLeft", "v", "v", "v", "ArrowDown")
    assert tool.value["polygons"][0]["vertices"] == [
        {"x": 90, "y": 61},
        {"x": 200, "y": 61},
        {"x": place[0], "y": place[1] + 1},
    ]
    assert tool.value["initialValueModified"] is True


def test_a_polygon_by_keyboard_alone(tool: Annotating) -> None:
    tool.annotate("crowd-polygon")
    tool.focus()
    tool.press("n", "Shift+ArrowRight", "n", "Shift+ArrowDown", "n", "ArrowLeft", "n", "Control+z", "Enter")
    corners = [{"x": 200, "y": 150}, {"x": 210, "y": 150}, {"x": 210, "y": 160}]
    assert tool.value["polygons"] == [{"label": "Cat", "vertices": corners}]


def test_a_polyline_ends_with_a_second_click_on_its_last_point(tool: Annotating) -> None:
    tool.annotate("crowd-polyline")
    points = [tool.click(50, 50), tool.click(120, 90), tool.click(200, 40)]
    tool.click(200, 40)
    assert tool.value == {
        "polylines": [{"label": "Cat", "vertices": points}],
        "inputImageProperties": SIZE,
    }


@pytest.mark.parametrize("way", ["drag", "two clicks"])
def test_a_line_is_dragged_or_clicked(tool: Annotating, way: str) -> None:
    tool.annotate("crowd-line")
    if way == "drag":
        vertices = [{"x": x, "y": y} for x, y in tool.drag((50, 60), (200, 120))]
    else:
        vertices = [tool.click(50, 60), tool.click(200, 120)]
    assert tool.value == {"lines": [{"label": "Cat", "vertices": vertices}], "inputImageProperties": SIZE}
    tool.press("v", "v", "ArrowRight")
    vertices[1]["x"] += 1
    assert tool.value["lines"][0]["vertices"] == vertices


# ---- drafts, reset, the image ----------------------------------------------------------------------------------------

DRAFTS = {
    "crowd-bounding-box": {"boundingBoxes": [box(1, 2, 30, 40, "Dog")]},
    "crowd-keypoint": {"keypoints": [{"label": "Bird", "x": 7, "y": 8}]},
    "crowd-polygon": {
        "polygons": [{"label": "Cat", "vertices": [{"x": 1, "y": 2}, {"x": 30, "y": 2}, {"x": 9, "y": 40}]}]
    },
    "crowd-polyline": {"polylines": [{"label": "Cat", "vertices": [{"x": 1, "y": 2}, {"x": 30, "y": 2}]}]},
    "crowd-line": {"lines": [{"label": "Dog", "vertices": [{"x": 5, "y": 6}, {"x": 30, "y": 2}]}]},
}


@pytest.mark.parametrize("element", DRAFTS)
def test_a_draft_is_put_back_before_and_after_the_image(tool: Annotating, element: str) -> None:
    draft = {**DRAFTS[element], "inputImageProperties": SIZE}
    tool.annotate(element, src="")
    tool.tell("draft", answer={"a": draft})
    tool.page.wait_for_timeout(100)
    # A change elsewhere in the form must not lose the annotations while the image is not there.
    assert tool.value == draft
    tool.load(SRC)
    assert tool.value == draft
    tool.tell("draft", answer={"a": draft})
    tool.tell("submit")
    assert tool.submitted() == {"a": draft}


def test_a_change_is_reported_and_reset_brings_the_initial_value_back(tool: Annotating) -> None:
    tool.annotate("crowd-bounding-box", f'initial-value="{BOX}"')
    tool.focus()
    tool.press("n")
    assert len(tool.wait_for("change")["answer"]["a"]["boundingBoxes"]) == 2
    tool.frame.evaluate("document.querySelector('crowd-form').reset()")
    assert tool.value == {
        "boundingBoxes": [box(100, 60, 120, 80)],
        "inputImageProperties": SIZE,
        "initialValueModified": False,
    }


def test_an_image_that_cannot_be_loaded_can_be_tried_again(tool: Annotating) -> None:
    there = False

    def answer(route: Route) -> None:
        if there:
            route.fulfill(body=SVG, content_type="image/svg+xml")
        else:
            route.abort()

    tool.page.route("http://elements.test/**", answer)
    tool.annotate("crowd-bounding-box", src="http://elements.test/image.svg")
    assert "could not be loaded" in tool.frame.inner_text(".message")
    tool.tell("submit")
    tool.page.wait_for_timeout(200)
    assert tool.messages("submit") == []
    there = True
    tool.frame.click("text=Try again")
    tool.when_ready()
    tool.tell("submit")
    assert tool.submitted() == {"a": {"boundingBoxes": [], "inputImageProperties": SIZE}}


# ---- regions ---------------------------------------------------------------------------------------------------------


def count(picture: Image.Image, color: tuple[int, ...]) -> int:
    found = {pixel: number for number, pixel in picture.getcolors(maxcolors=100_000) or []}
    return found.get(color, 0)


def only_colors(picture: Image.Image, *colors: tuple[int, ...]) -> bool:
    return {pixel for _, pixel in picture.getcolors(maxcolors=100_000) or []} == set(colors)


@pytest.mark.parametrize("zoom_keys", ["", "+++", "---"])
def test_a_stroke_has_the_labels_colour_and_the_brushs_width(tool: Annotating, zoom_keys: str) -> None:
    tool.annotate("crowd-semantic-segmentation")
    tool.focus()
    tool.press(*zoom_keys)
    width = int(tool.frame.inner_text(".size span"))
    (left, y), (right, _) = tool.drag((170, 150), (230, 150))
    picture = tool.picture()
    assert picture.size == (WIDTH, HEIGHT)
    assert only_colors(picture, CAT, NOTHING)
    assert picture.getpixel((200, y)) == CAT
    column = [row for row in range(HEIGHT) if picture.getpixel((200, row)) == CAT]
    assert len(column) == pytest.approx(width, abs=1)
    row = [x for x in range(WIDTH) if picture.getpixel((x, y)) == CAT]
    assert (row[0], row[-1]) == pytest.approx((left - width / 2, right + width / 2), abs=2)
    assert tool.value["labelMappings"] == {
        "Cat": {"color": "#1f77b4"},
        "Dog": {"color": "#ff7f0e"},
        "Bird": {"color": "#2ca02c"},
    }
    assert tool.value["inputImageProperties"] == SIZE
    assert "initialValueModified" not in tool.value


def test_the_eraser_undo_and_redo(tool: Annotating) -> None:
    tool.annotate("crowd-semantic-segmentation")
    empty = tool.picture()
    assert only_colors(empty, NOTHING)
    tool.drag((100, 150), (300, 150))
    tool.press("2")
    tool.drag((200, 100), (200, 200))
    both = tool.picture()
    assert both.getpixel((200, 150)) == DOG
    tool.press("e", "]", "]")
    tool.drag((150, 150), (150, 150.5))
    erased = tool.picture()
    assert erased.getpixel((150, 150)) == NOTHING
    assert erased.getpixel((110, 150)) == CAT
    tool.press("Control+z")
    assert tool.picture() == both
    tool.press("Control+z", "Control+z")
    assert tool.picture() == empty
    tool.press("Control+Shift+z", "Control+Shift+z", "Control+Shift+z")
    assert tool.picture() == erased


def test_an_area_is_filled_exactly(tool: Annotating) -> None:
    tool.annotate("crowd-semantic-segmentation")
    tool.focus()
    # By keyboard the corners are whole pixels: a square of 20 from the middle.
    tool.press("p", "n", "n", *["Shift+ArrowRight"] * 2, "n", *["Shift+ArrowDown"] * 2, "n")
    tool.press(*["Shift+ArrowLeft"] * 2, "n", "Enter")
    picture = tool.picture()
    assert picture.getbbox() == (200, 150, 220, 170)
    assert count(picture, CAT) == 400


def test_the_brush_by_keyboard_alone(tool: Annotating) -> None:
    tool.annotate("crowd-semantic-segmentation")
    tool.focus()
    tool.press(*"[" * 20, "n", "n", "Shift+ArrowRight", "n", "Shift+ArrowRight")
    picture = tool.picture()
    assert picture.getbbox() == (200, 150, 211, 151)
    tool.press("Escape", "Control+z")
    assert tool.picture().getbbox() is None


def test_an_instance_counts_while_the_brush_is_still_down(tool: Annotating) -> None:
    tool.annotate("crowd-instance-segmentation")
    tool.focus()
    tool.press("n", "n", "Shift+ArrowRight")
    assert tool.picture().getpixel((205, 150)) == CAT
    assert tool.value["instances"] == [{"color": "#1f77b4", "label": "Cat"}]
    tool.press("e", "Control+z")
    assert tool.value["instances"] == []


def test_escape_takes_a_stroke_back_that_is_under_way(tool: Annotating) -> None:
    tool.annotate("crowd-instance-segmentation")
    tool.drag((100, 50), (150, 50))
    before = tool.value
    at, _ = tool.screen(100, 100)
    tool.page.mouse.move(*at)
    tool.page.mouse.down()
    tool.page.mouse.move(at[0] + 60, at[1])
    assert tool.value["labeledImage"] != before["labeledImage"]
    tool.press("Escape")
    tool.page.mouse.move(at[0] + 90, at[1])
    tool.page.mouse.up()
    assert tool.value == before


def test_the_mouse_shows_the_brush(tool: Annotating) -> None:
    tool.annotate("crowd-semantic-segmentation")
    at, _ = tool.screen(100, 100)
    tool.page.mouse.move(*at)
    width = int(tool.frame.inner_text(".size span"))
    brush = tool.frame.locator("circle.brush").bounding_box()
    assert brush
    assert brush["width"] == pytest.approx(width * tool.zoom, abs=4)
    assert (brush["x"] + brush["width"] / 2, brush["y"] + brush["height"] / 2) == pytest.approx(at, abs=1)
    tool.frame.hover("button.fit")
    tool.frame.locator("circle.brush").wait_for(state="detached")


def test_the_list_deletes_a_region(tool: Annotating) -> None:
    tool.annotate("crowd-semantic-segmentation")
    tool.drag((100, 150), (300, 150))
    tool.press("2")
    tool.drag((100, 50), (300, 50))
    tool.frame.focus("li:first-child .what")
    tool.press("Enter", "Delete")
    picture = tool.picture()
    assert count(picture, CAT) == 0
    assert count(picture, DOG) > 0


def test_an_image_of_another_origin_does_not_spoil_the_answer(tool: Annotating) -> None:
    tool.page.route(
        "http://elements.test/**", lambda route: route.fulfill(body=SVG, content_type="image/svg+xml")
    )
    tool.annotate("crowd-semantic-segmentation", src="")
    tool.load("http://elements.test/image.svg")
    tool.drag((100, 150), (300, 150))
    assert only_colors(tool.picture(), CAT, NOTHING)


def png(*squares: tuple[tuple[int, int, int, int], tuple[int, ...]]) -> tuple[bytes, str]:
    picture = Image.new("RGBA", (WIDTH, HEIGHT), NOTHING)
    for (left, top, right, bottom), color in squares:
        picture.paste(color, (left, top, right, bottom))
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue(), base64.b64encode(data.getvalue()).decode()


RED, BLUE = (200, 0, 0, 255), (0, 0, 200, 255)


@pytest.mark.parametrize("place", ["labeledImage", "src"])
def test_an_earlier_segmentation_is_shown_and_goes_on(tool: Annotating, place: str) -> None:
    data, text = png(((10, 10, 30, 40), RED), ((100, 100, 150, 120), BLUE))
    picture = f"labeledImage: {{ pngImageData: '{text}' }}"
    if place == "src":
        tool.page.route(
            "http://elements.test/**",
            lambda route: route.fulfill(
                body=data, content_type="image/png", headers={"Access-Control-Allow-Origin": "*"}
            ),
        )
        picture = "src: 'http://elements.test/mask.png'"
    mappings = "labelMappings: { Dog: { color: '#c80000' }, Cat: { color: '#0000c8' } }"
    tool.annotate("crowd-semantic-segmentation", f'initial-value="{{ {mappings}, {picture} }}"', src="")
    tool.load(SRC)
    shown = tool.picture()
    assert only_colors(shown, CAT, DOG, NOTHING)
    assert shown.getpixel((29, 39)) == DOG
    assert shown.getpixel((30, 39)) == NOTHING
    assert count(shown, CAT) == 50 * 20
    assert tool.value["initialValueModified"] is False
    tool.drag((200, 200), (250, 200))
    assert tool.value["initialValueModified"] is True
    tool.press("Control+z")
    assert tool.value["initialValueModified"] is False


def test_an_earlier_segmentation_that_cannot_be_loaded_is_not_lost(tool: Annotating) -> None:
    tool.page.route("http://elements.test/**", lambda route: route.abort())
    tool.annotate(
        "crowd-semantic-segmentation",
        "initial-value=\"{ labelMappings: {}, src: 'http://elements.test/mask.png' }\"",
        src="",
    )
    tool.load(SRC)
    assert "could not be loaded" in tool.frame.inner_text(".message")
    tool.tell("submit")
    tool.page.wait_for_timeout(200)
    assert tool.messages("submit") == []


@pytest.mark.parametrize("element", ["crowd-semantic-segmentation", "crowd-instance-segmentation"])
def test_a_painted_draft_is_put_back(tool: Annotating, element: str) -> None:
    tool.annotate(element)
    tool.drag((100, 150), (300, 150))
    tool.press("2")
    tool.drag((100, 50), (300, 50))
    draft, picture = tool.value, tool.picture()
    tool.annotate(element)
    tool.tell("draft", answer={"a": draft})
    tool.page.wait_for_timeout(300)
    assert tool.picture() == picture
    assert {**tool.value, "labeledImage": None} == {**draft, "labeledImage": None}
    tool.drag((100, 250), (300, 250))
    assert count(tool.picture(), NOTHING) < count(picture, NOTHING)


def test_instances_have_a_colour_each(tool: Annotating) -> None:
    tool.annotate("crowd-instance-segmentation")
    assert tool.value["instances"] == []
    tool.drag((100, 50), (150, 50))
    tool.drag((100, 80), (150, 80))
    tool.press("i")
    tool.drag((300, 50), (350, 50))
    tool.press("3")
    tool.drag((300, 200), (350, 200))
    instances = tool.value["instances"]
    assert [instance["label"] for instance in instances] == ["Cat", "Cat", "Bird"]
    assert len({instance["color"] for instance in instances}) == 3
    picture = tool.picture()
    for (x, y), instance in zip([(125, 50), (325, 50), (325, 200)], instances, strict=True):
        pixel: Any = picture.getpixel((x, y))
        assert "#{:02x}{:02x}{:02x}".format(*pixel[:3]) == instance["color"]
    assert picture.getpixel((125, 80)) == picture.getpixel((125, 50))
    tool.frame.select_option("li:nth-child(2) select", "Dog")
    assert [instance["label"] for instance in tool.value["instances"]] == ["Cat", "Dog", "Bird"]
    tool.frame.click("li:nth-child(1) .remove")
    assert tool.value["instances"] == [{**instances[1], "label": "Dog"}, instances[2]]
    assert count(tool.picture(), CAT) == 0
    tool.press("Control+z", "Control+z")
    assert tool.value["instances"] == instances
    assert tool.picture() == picture


def test_an_earlier_instance_segmentation_is_shown(tool: Annotating) -> None:
    _, text = png(((10, 10, 30, 40), RED), ((100, 100, 150, 120), BLUE))
    tool.annotate(
        "crowd-instance-segmentation",
        "initial-value=\"{ instances: [{ color: '#0000c8', label: 'Dog' }, { color: '#c80000', label: 'Dog' }], "
        f"labeledImage: {{ pngImageData: '{text}' }} }}\"",
    )
    tool.when_ready()
    assert [instance["label"] for instance in tool.value["instances"]] == ["Dog", "Dog"]
    assert tool.picture().getpixel((120, 110)) == CAT
    assert tool.value["initialValueModified"] is False


def test_every_instance_has_a_colour_of_its_own(tool: Annotating) -> None:
    tool.annotate("crowd-instance-segmentation")
    tool.focus()
    tool.frame.evaluate(
        """() => {
          const element = document.querySelector("crowd-instance-segmentation");
          for (let id = 1; id <= 255; id += 1) element._mask.pixels[id] = id;
          element._regions = Array.from({ length: 255 }, (_, index) => ({ id: index + 1, label: "Cat" }));
          element._painted({ left: 0, top: 0, right: 400, bottom: 1 });
        }"""
    )
    assert len({instance["color"] for instance in tool.value["instances"]}) == 255
    assert len(tool.picture().getcolors(1000) or []) == 256
