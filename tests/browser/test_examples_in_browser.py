"""The example templates, filled in as a worker would, submit the answers that stand beside them."""

from __future__ import annotations

import json
import re
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Page
from previewing import opened, served, submitted_answer

from review_desk import elements

# A word that a worker corrected gets a new id.
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FOLDER = Path(__file__).parents[2] / "docs" / "templates"


def _document_form(frame: Frame) -> None:
    frame.get_by_label("Invoice number").fill("R-2041")


def _document_pairs(frame: Frame) -> None:
    for position, value in enumerate(("R-2041", "2026-03-14", "118.40 EUR")):
        field = frame.get_by_role("textbox").nth(position)
        field.click()
        field.press("Control+a")
        field.press_sequentially(value)
        field.press("Enter")


def _text_correction(frame: Frame) -> None:
    frame.get_by_label("Translation").fill("The harbour stays closed until Monday.")


def _audio_transcription(frame: Frame) -> None:
    assert frame.evaluate("document.querySelector('audio').duration") == 1
    frame.get_by_label("Transcription").fill("Good morning, the order came too late.")
    frame.get_by_label("Clearly").check()


def _survey(frame: Frame) -> None:
    frame.get_by_label("Number of the order").fill("20411")
    frame.get_by_role("checkbox", name="The goods").check()
    frame.get_by_role("checkbox", name="The gift").check()
    frame.get_by_role("radio", name="Late").check()
    frame.get_by_role("switch").click()
    frame.get_by_role("slider").press("ArrowRight")
    frame.get_by_label("Next step").select_option("Refund")
    frame.get_by_label("Remark").fill("Left at the neighbour’s.")


def _choose(choice: str) -> Callable[[Frame], None]:
    return lambda frame: frame.locator("label.choice", has_text=choice).click()


def _nothing(_: Frame) -> None:
    """What was predicted is right."""


FILLING: dict[str, Callable[[Frame], None]] = {
    "audio-transcription": _audio_transcription,
    "document-form": _document_form,
    "document-pairs": _document_pairs,
    "image-boxes": _nothing,
    "image-classification": _choose("Damaged"),
    "image-moderation": _choose("None of these"),
    "survey": _survey,
    "text-classification": _choose("Delivery"),
    "text-correction": _text_correction,
    "text-entities": _nothing,
    "video-classification": _choose("Unloading"),
}


def elements_exist(name: str) -> bool:
    """Whether the bundle has every element of a template; tests/templates/test_example_templates.py fails if not."""
    content = (FOLDER / f"{name}.liquid.html").read_text("utf-8")
    return set(re.findall(r"<(crowd-[a-z-]+)", content)) <= elements.names()


def without_new_ids(answer: Any) -> Any:
    return json.loads(UUID.sub("new", json.dumps(answer)))


def test_every_example_is_filled_in_here() -> None:
    assert {file.name.removesuffix(".liquid.html") for file in FOLDER.glob("*.liquid.html")} == FILLING.keys()


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents of the examples, with a second of silence for the recording; there is no video."""
    folder = tmp_path_factory.mktemp("examples") / "documents"
    shutil.copytree(FOLDER / "documents", folder)
    with wave.open(str(folder / "call.wav"), "wb") as recording:
        recording.setparams((1, 2, 8000, 8000, "NONE", ""))
        recording.writeframes(bytes(16000))
    return folder


@pytest.mark.parametrize("name", [name for name in FILLING if elements_exist(name)])
def test_it_submits_the_documented_answer(page: Page, documents: Path, name: str) -> None:
    expected = json.loads((FOLDER / f"{name}.answer.json").read_text("utf-8"))
    with served(FOLDER / f"{name}.liquid.html", FOLDER / f"{name}.input.json", documents) as address:
        frame = opened(page, address)
        FILLING[name](frame)
        frame.get_by_role("button", name=re.compile("^(Submit|Send)")).first.click()
        assert without_new_ids(submitted_answer(page)) == without_new_ids(expected)
