"""A row of dags/form_review.py's results: what is known of one form."""

from __future__ import annotations

from typing import Any

from dags.form_review import result_row

FORM: dict[str, Any] = {
    "item_id": "form-1.png",
    "document": "s3://documents/form-1.png",
    "fields": [
        {"name": "name", "value": "Ada", "confidence": 99.0},
        {"name": "phone", "value": "555", "confidence": 41.0},
        {"name": "city", "value": "L0ndon", "confidence": 62.0},
    ],
    "error": None,
}


def answer(worker: str, content: dict[str, str]) -> dict[str, Any]:
    return {
        "worker_id": worker,
        "accepted": "2026-01-01T12:00:00.000Z",
        "submitted": "2026-01-01T12:00:20.000Z",
        "seconds": 20.0,
        "content": content,
    }


def reviewed(*answers: dict[str, Any]) -> dict[str, Any]:
    review = {
        "human_loop_name": "loop-1",
        "status": "Completed",
        "failure_reason": None,
        "answers": list(answers),
    }
    return result_row(FORM, review)


def test_marks_say_why_a_field_is_blank() -> None:
    row = reviewed(
        answer("w1", {"name": "Ada", "phone:mark": "missing", "city:mark": "unreadable"}),
        answer("w2", {"name": "Ada", "phone:mark": "notPair", "city": "London"}),
    )
    assert [given["marks"] for given in row["answers"]] == [
        {"phone": "missing", "city": "unreadable"},
        {"phone": "notPair"},
    ]
    assert [given["fields"] for given in row["answers"]] == [
        {"name": "Ada", "phone": "", "city": ""},
        {"name": "Ada", "phone": "", "city": "London"},
    ]


def test_a_mark_is_no_value_and_no_field_of_its_own() -> None:
    row = reviewed(answer("w1", {"name": "Ada", "city": "London", "phone:mark": "missing"}))
    assert row["fields"] == {"name": "Ada", "phone": "", "city": "London"}
    assert row["disputed_fields"] == []


def test_a_blank_field_has_no_mark_and_a_mark_without_a_field_is_left_out() -> None:
    [given] = reviewed(answer("w1", {"name": "Ada", "city": "London", "salary:mark": "missing"}))["answers"]
    assert given["marks"] == {}
    assert given["fields"] == {"name": "Ada", "phone": "", "city": "London"}
