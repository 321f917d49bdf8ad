"""dags/prediction_review.py: what becomes of a prediction before people see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Template

from a2i.activation import parse_conditions
from a2i.exceptions import A2IUserError
from dags import prediction_review
from review_desk.templates.lint import lint

TEMPLATE = Path(__file__).parents[2] / "include" / "templates" / "prediction_review.liquid.html"
FIELD = {"name": "topic", "value": "Return", "confidence": 41.5}
ROW: dict[str, Any] = {"id": "m-17", "text": "My parcel is late.", "fields": [FIELD]}


class Store:
    """Predictions in, review items out."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows
        self.written: list[dict[str, Any]] = []

    def read_json_lines(self, uri: str) -> Any:
        return iter(self.rows)

    def write_json_lines(self, uri: str, rows: Any) -> int:
        self.written = list(rows)
        return len(self.written)


def write_items(monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    store = Store(*rows)
    monkeypatch.setattr(prediction_review, "A2IS3Hook", lambda connection: store)
    assert prediction_review.write_items.function("s3://in/p.jsonl", "80", "s3://out/i.jsonl") == (
        "s3://out/i.jsonl"
    )
    return store.written


def activated(confidence: float | None, threshold: float, percentage: float) -> bool:
    params = {"confidence_threshold": threshold, "sampling_percentage": percentage}
    conditions = parse_conditions(Template(prediction_review.ACTIVATION_CONDITIONS).render(params=params))
    prediction = {"topic": {"value": "Return", "confidence": confidence}}
    return conditions.evaluate({"prediction": prediction}, item_id="m-17").is_activated


def test_an_item_has_what_people_see_and_what_the_model_said(monkeypatch: pytest.MonkeyPatch) -> None:
    [item] = write_items(monkeypatch, ROW)
    assert item == {
        "id": "m-17",
        "input": {
            "text": "My parcel is late.",
            "confidenceThreshold": 80.0,
            "fields": [{**FIELD, "label": None, "choices": None}],
        },
        "prediction": {"topic": {"value": "Return", "confidence": 41.5}},
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {**ROW, "fields": [{"name": "topic", "value": "Return"}]},
        {**ROW, "fields": "topic"},
        {"id": "m-17", "fields": []},
    ],
)
def test_a_prediction_of_another_form_is_one_line(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    with pytest.raises(A2IUserError, match=r"s3://in/p.jsonl, prediction 2 \(id 'm-17'\) must have id, text"):
        write_items(monkeypatch, ROW, wrong)


def test_the_conditions_take_the_parameters() -> None:
    assert activated(79.9, 80, 0)
    assert not activated(80.0, 80, 0)
    assert activated(None, 80, 0)
    assert activated(99.0, 80, 100)


@pytest.mark.parametrize("more", [{}, {"answers": [{"topic": "a"}, {}], "disputedFields": ["topic"]}])
def test_the_template_passes_the_check(more: dict[str, Any]) -> None:
    fields = [
        {**FIELD, "label": "Topic", "choices": ["Delivery", "Return"]},
        {**FIELD, "name": "order", "label": None, "confidence": None, "choices": None},
    ]
    given = {"text": "My parcel is late.", "confidenceThreshold": 80, "fields": fields, **more}
    assert lint(TEMPLATE.read_text("utf-8"), json.loads(json.dumps(given))) == []
