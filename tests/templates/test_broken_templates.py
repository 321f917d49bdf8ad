"""What `template check` says of the example templates when somebody breaks them: one clear line for what to mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from review_desk.templates.lint import lint

FOLDER = Path(__file__).parents[2] / "docs" / "templates"
SCRIPT = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'

BROKEN = {
    "a form without an end": (
        "image-classification", "</crowd-form>", "",
        (2, "warning", "this <crowd-form> has no </crowd-form>: what follows may become a part of it"),
    ),
    "elements without an end": (
        "survey", "</crowd-text-area>", "",
        (26, "warning", "this <crowd-text-area> has no </crowd-text-area>: what follows may become a part of it"),
    ),
    "an address that browsers cannot open": (
        "image-classification", "| grant_read_access", "",
        (3, "error", "browsers cannot open s3://examples/parcels.svg: use the filter grant_read_access"),
    ),
    "another name than the input has": (
        "image-moderation", "selectedAiServiceResponse.moderationLabels", "selectedAiServiceResponse.labels",
        (6, "warning", "task.input.selectedAiServiceResponse.labels is not in the input: nothing is printed for it"),
    ),
    "quotation marks in an attribute": (
        "image-classification", "| to_json | escape", "| to_json",
        (3, "error", "<crowd-image-classifier>: the attribute categories cannot be read: expected a value at "
         "character 2, found the end"),
    ),
    "a field without a name": (
        "image-boxes", "name=", "title=",
        (3, "warning", "this <crowd-bounding-box> has no name: what it says is not submitted"),
    ),
    "an element that is none": (
        "text-classification", "crowd-classifier", "crowd-clasifier",
        (3, "error", "<crowd-clasifier> is no element that Review Desk knows"),
    ),
    "a filter that is none": (
        "audio-transcription", "grant_read_access", "grant_access",
        (4, "error", "unknown filter 'grant_access'"),
    ),
    "a loop without an end": (
        "survey", "{% endfor %}\n", "\n",
        (30, "error", "there is no {% endfor %}"),
    ),
    "a script from elsewhere": (
        "document-form", SCRIPT, '<script src="https://cdn.example.com/x.js"></script>',
        (1, "error", "the frame blocks the script https://cdn.example.com/x.js: write it into the template"),
    ),
    "no form for a document": (
        "document-pairs", "crowd-form", "form",
        (1, "error", "there is no <crowd-form>, and no <crowd-entity-annotation>: nothing can be submitted"),
    ),
    "an element that ends in its slash": (
        "text-correction", "></crowd-text-area>", "/>",
        (6, "error", "<crowd-text-area/> is not closed by its slash: write <crowd-text-area></crowd-text-area>"),
    ),
    "Liquid without an end": (
        "video-classification", "}}", "}",
        (5, "error", "expected '}}', found end of file"),
    ),
    "an annotation without its labels": (
        "text-entities", "task.input.labels", "task.input.classes",
        (6, "warning", "task.input.classes is not in the input: nothing is printed for it"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_is_named(broken: str) -> None:
    name, right, wrong, finding = BROKEN[broken]
    content = (FOLDER / f"{name}.liquid.html").read_text("utf-8")
    assert right in content
    sample = json.loads((FOLDER / f"{name}.input.json").read_text("utf-8"))
    found = [(one.line, one.level, one.text) for one in lint(content.replace(right, wrong), sample)]
    assert finding in found
    assert all("\n" not in text for _, _, text in found)


@pytest.mark.parametrize(
    "markup",
    [
        "{% if task.input.note %}<p>{{ task.input.note }}</p>{% endif %}",
        '{{ task.input.note | default: "none" }}',
        "{{ task.input.list.size }}{{ task.input.list.first.name }}{{ task.input.text.size }}",
        "{{ task.input.deep.known }}",
    ],
)
def test_what_may_be_missing_is_no_finding(markup: str) -> None:
    content = f'{SCRIPT}<crowd-form><input name="a">{markup}</crowd-form>'
    assert lint(content, {"list": [{"name": "a"}], "text": "x", "deep": {"known": 1}}) == []
