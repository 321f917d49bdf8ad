"""The OCR of a form: what it reads, how sure it is, and what it refuses."""

from __future__ import annotations

import json
import socket
import struct
import zlib
from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image

from include.demo.forms import make_form
from include.form_fields import JOB_APPLICATION
from include.form_pairing import Line
from include.ocr import MAX_PIXELS, ReadForm, UnreadableImage, _words, read_form


@pytest.fixture(scope="module")
def clean_form() -> ReadForm:
    return read_form(make_form(7, seed=7).image)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises a size; there are no pixels behind it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header) - 4) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\x00\x00\x00\x00IEND\xaeB`\x82"


def test_a_clean_form_is_read_right_and_surely(clean_form: ReadForm) -> None:
    truth = make_form(7, seed=7).truth
    assert {field["name"]: field["value"] for field in clean_form["fields"]} == truth
    assert all(90 <= field["confidence"] <= 100 for field in clean_form["fields"])


def test_fields_come_in_form_order_with_their_labels(clean_form: ReadForm) -> None:
    expected = [(field.name, field.label) for field in JOB_APPLICATION.fields]
    assert [(field["name"], field["label"]) for field in clean_form["fields"]] == expected


def test_boxes_lie_where_the_values_are(clean_form: ReadForm) -> None:
    boxes = {field["name"]: field["box"] for field in clean_form["fields"]}
    for box in boxes.values():
        assert box is not None
        assert 0 <= box["left"] <= box["left"] + box["width"] <= 1
        assert 0 <= box["top"] <= box["top"] + box["height"] <= 1
    first, last, start = boxes["first_name"], boxes["last_name"], boxes["start_date"]
    assert first
    assert last
    assert start
    assert first["left"] < 0.2 < 0.45 < last["left"]
    assert abs(first["top"] - last["top"]) < 0.02
    assert start["top"] > 0.75


def test_words_lie_within_the_lines_that_they_are_parts_of(clean_form: ReadForm) -> None:
    words = {word["text"]: word["box"] for word in clean_form["words"]}
    boxes = {field["name"]: (field["value"], field["box"]) for field in clean_form["fields"]}
    for value, box in boxes.values():
        assert box is not None
        of_value = [words[text] for text in value.split()]
        assert of_value[0]["left"] == pytest.approx(box["left"], abs=0.002)
        for before, word in pairwise(of_value):
            assert before["left"] + before["width"] <= word["left"] + 0.005
        last = of_value[-1]
        assert last["left"] + last["width"] == pytest.approx(box["left"] + box["width"], abs=0.002)
        for word in of_value:
            assert box["top"] - 0.002 <= word["top"]
            assert word["top"] + word["height"] <= box["top"] + box["height"] + 0.002
    # The label is a line of two words, in reading order.
    texts = [word["text"] for word in clean_form["words"]]
    assert texts.index("name") == texts.index("First") + 1
    # A page of a thousand words is a small part of what a human loop's input may be (3 MiB).
    assert len(json.dumps(clean_form["words"])) / len(texts) < 110


def test_a_line_without_places_of_its_characters_is_one_word() -> None:
    line = Line("Mill Lane", 0.9, ((10, 20), (110, 20), (110, 40), (10, 40)))
    box = {"left": 0.05, "top": 0.2, "width": 0.5, "height": 0.2}
    assert _words(line, [("M", line.corners)], (200, 100)) == [{"text": "Mill Lane", "box": box}]
    assert _words(Line("", 0.0, line.corners), [], (200, 100)) == []


def test_a_damaged_scan_is_less_sure() -> None:
    read = read_form(make_form(6, seed=7).image)
    assert min(field["confidence"] for field in read["fields"]) < 90


def test_an_empty_page_has_every_field_not_found() -> None:
    buffer = BytesIO()
    Image.new("L", (400, 300), "white").save(buffer, "PNG")
    read = read_form(buffer.getvalue())
    assert (read["width"], read["height"]) == (400, 300)
    assert [field["name"] for field in read["fields"]] == [field.name for field in JOB_APPLICATION.fields]
    assert all((f["value"], f["confidence"], f["box"]) == ("", 0.0, None) for f in read["fields"])
    assert read["words"] == []


def test_no_network_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the OCR reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    from include import ocr

    ocr._engine.cache_clear()
    assert read_form(make_form(7, seed=7).image)["fields"][0]["value"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"%PDF-1.7 not an image", "not an image: 21 bytes, neither JPEG, PNG nor TIFF"),
        (b"", "not an image: the file is empty"),
        (make_form(7, seed=7).image[:5000], "the image is damaged or cut off"),
        (png_of_size(7000, 7000), f"7,000 × 7,000 pixels, more than {MAX_PIXELS:,}"),
        (png_of_size(60_000, 60_000), f"more than {MAX_PIXELS:,} pixels"),
    ],
    ids=["no image", "empty", "cut off", "too large", "far too large"],
)
def test_what_is_no_usable_image_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableImage) as caught:
        read_form(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
