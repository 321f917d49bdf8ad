"""The example templates pass `template check`, and their documentation is whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from review_desk.templates.lint import Finding, lint

FOLDER = Path(__file__).parents[2] / "docs" / "templates"
NAMES = sorted(file.name.removesuffix(".liquid.html") for file in FOLDER.glob("*.liquid.html"))
UNKNOWN = "is no element that Review Desk knows"


def findings(name: str) -> list[Finding]:
    content = (FOLDER / f"{name}.liquid.html").read_text("utf-8")
    return lint(content, json.loads((FOLDER / f"{name}.input.json").read_text("utf-8")))


def test_there_is_one_for_every_kind_of_work() -> None:
    assert {name.split("-")[0] for name in NAMES} == {"audio", "document", "image", "survey", "text", "video"}


@pytest.mark.parametrize("name", NAMES)
def test_it_passes_the_check(name: str) -> None:
    assert [found for found in findings(name) if UNKNOWN not in found.text] == []


@pytest.mark.parametrize("name", NAMES)
def test_its_elements_exist(name: str) -> None:
    assert [found for found in findings(name) if UNKNOWN in found.text] == []


@pytest.mark.parametrize("name", NAMES)
def test_its_input_has_all_that_it_prints(name: str) -> None:
    used = set(re.findall(r"task\.input\.(\w+)", (FOLDER / f"{name}.liquid.html").read_text("utf-8")))
    assert used <= json.loads((FOLDER / f"{name}.input.json").read_text("utf-8")).keys()
    assert used


@pytest.mark.parametrize("name", NAMES)
def test_the_index_names_it_with_its_input_and_its_answer(name: str) -> None:
    index = (FOLDER / "README.md").read_text("utf-8")
    for kind in ("liquid.html", "input.json", "answer.json"):
        assert (FOLDER / f"{name}.{kind}").exists()
        assert f"({name}.{kind})" in index


def test_the_documents_of_the_inputs_are_there_unless_the_index_says_otherwise() -> None:
    text = "".join(file.read_text("utf-8") for file in FOLDER.glob("*.input.json"))
    named = set(re.findall(r"s3://examples/([\w.-]+)", text)) | set(
        re.findall(r'"name": "([\w-]+\.svg)"', text)
    )
    there = {file.name for file in (FOLDER / "documents").iterdir()}
    assert named - there == {"call.wav", "loading-dock.mp4"}
    assert all(f"`{name}`" in (FOLDER / "README.md").read_text("utf-8") for name in named - there)
