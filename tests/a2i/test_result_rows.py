"""What a row of results says, out of what is known of an item; and what Parquet makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from a2i.answers import HumanAnswer, HumanLoopOutput
from a2i.batch.item_outcome import NOT_NEEDED, NOT_STARTED, LoopState, Outcome
from a2i.batch.ledger import LedgerRow
from a2i.batch.results import COLUMNS, Decision, result_row

PREDICTION = {"city": {"value": "Rom", "confidence": 61.3}, "name": "Ann", "zip": "00100"}


def reviewed(*contents: dict[str, Any], prediction: dict[str, Any] | None = PREDICTION) -> Outcome:
    answers = tuple(
        HumanAnswer(f"w{number}", None, None, 1.5, content) for number, content in enumerate(contents)
    )
    return Outcome(
        LedgerRow("a", "loop-a", prediction=prediction, reasons=("city: confidence 61.3 is below 90",)),
        LoopState("Completed", "s3://b/output.json"),
        HumanLoopOutput("loop-a", "arn", answers, {"text": "x"}),
    )


def row(outcome: Outcome, **decision: Any) -> dict[str, Any]:
    made = result_row(outcome, Decision(**decision))
    assert list(made) == [column.name for column in COLUMNS]
    return made


def test_one_persons_answer_decides_and_shows_what_it_changed() -> None:
    made = row(reviewed({"city": "Rome", "name": " ann ", "zip:mark": "unreadable"}))
    assert (made["source"], made["reviewed"]) == ("person", True)
    assert made["fields"] == {"city": "Rome", "name": " ann ", "zip": ""}
    assert made["prediction"] == PREDICTION
    assert made["reasons"] == ["city: confidence 61.3 is below 90"]
    [answer] = made["answers"]
    # "ann" is "Ann" after normalising; the mark left the zip code blank.
    assert answer["edits"] == ["city", "zip"]
    assert answer["marks"] == {"zip": "unreadable"}


def test_a_disputed_field_keeps_the_models_value() -> None:
    made = row(reviewed({"city": "Rome", "name": "Ann"}, {"city": "Roma", "name": "Ann"}))
    assert (made["source"], made["disputed_fields"]) == ("consensus", ["city"])
    assert made["fields"] == {"city": "Rom", "name": "Ann", "zip": ""}


def test_without_a_prediction_the_answers_say_what_the_fields_are() -> None:
    made = row(reviewed({"category": "dog", "category:mark": "sure"}, {"category": "dog"}, prediction=None))
    assert (made["source"], made["fields"]) == ("consensus", {"category": "dog"})
    assert [answer["edits"] for answer in made["answers"]] == [[], []]


def test_the_fields_can_be_named() -> None:
    made = row(reviewed({"city": "Rome", "note": "x"}), fields=("note", "city"))
    assert made["fields"] == {"note": "x", "city": "Rome"}


def test_without_votes_answers_stand_side_by_side() -> None:
    made = row(reviewed({"city": "Rome"}, {"city": "Rome"}), votes=False)
    assert (made["source"], made["fields"], made["disputed_fields"]) == ("none", None, [])
    assert row(reviewed({"city": "Rome"}), votes=False)["source"] == "person"


@pytest.mark.parametrize(
    ("ledger_row", "status", "source", "fields"),
    [
        (LedgerRow("a", None, prediction={"n": 1}), NOT_NEEDED, "model", {"n": 1}),
        (LedgerRow("a", None), NOT_NEEDED, "none", None),
        (LedgerRow(None, None, "line 7: not JSON"), NOT_STARTED, "none", None),
        (LedgerRow("a", "loop", prediction={"n": 1}), "Failed", "model", {"n": 1}),
    ],
)
def test_without_an_answer_there_is_the_models_value_or_nothing(
    ledger_row: LedgerRow, status: str, source: str, fields: Any
) -> None:
    made = row(Outcome(ledger_row, LoopState(status), error=ledger_row.error))
    assert (made["source"], made["fields"], made["reviewed"]) == (source, fields, False)
    assert (made["status"], made["error"]) == (status, ledger_row.error)
