"""What a row of results says, out of what is known of an item; and what Parquet makes of it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from a2i.answers import HumanAnswer, HumanLoopOutput
from a2i.batch.item_outcome import NOT_NEEDED, NOT_STARTED, LoopState, Outcome
from a2i.batch.labels import MOST_LABELS, Labels
from a2i.batch.ledger import LedgerRow
from a2i.batch.results import COLUMNS, Decision, decided_fields, estimated, result_row

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


def test_values_are_compared_as_the_field_asks() -> None:
    prediction = {"total": "1,234.50"}
    two = reviewed({"total": "$ 1234.5"}, {"total": "1,234.50"}, prediction=prediction)
    assert row(two)["disputed_fields"] == ["total"]
    made = row(two, normalisers={"total": "number"})
    assert (made["disputed_fields"], [answer["edits"] for answer in made["answers"]]) == ([], [[], []])


def pair_reviews(count: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Two of three workers look at each item; the first is nearly always right, the others often are not."""
    dice = random.Random(7)
    rows, truth = [], []
    for number in range(count):
        right = dice.choice(["cat", "dog", "fox"])
        answers = []
        for worker in dice.sample(range(3), 2):
            label = (
                right if dice.random() < (0.97, 0.65, 0.65)[worker] else dice.choice(["cat", "dog", "fox"])
            )
            answers.append(
                HumanAnswer(f"w{worker}", None, None, None, {"animal": label.title(), "note": number})
            )
        output = HumanLoopOutput("loop", "arn", tuple(answers), {})
        rows.append(
            result_row(Outcome(LedgerRow(str(number), "loop"), LoopState("Completed"), output), Decision())
        )
        truth.append(right.title())
    return rows, truth


def test_estimates_settle_what_a_majority_cannot() -> None:
    rows, truth = pair_reviews(300)
    labels = Labels(None)
    for number, made in enumerate(rows):
        labels.add(number, made["answers"], decided_fields(made, Decision()))
    estimates = labels.estimate()
    # Every item has a note of its own: no closed question.
    assert len({made["fields"]["note"] for made in rows}) > MOST_LABELS
    assert list(estimates) == ["animal"]
    better = [estimated(made, number, estimates) for number, made in enumerate(rows)]

    def right(found: Any) -> int:
        return sum(made["fields"]["animal"] == answer for made, answer in zip(found, truth, strict=True))

    assert right(rows) + 20 < right(better)
    assert sum(bool(made["disputed_fields"]) for made in better) < sum(
        bool(made["disputed_fields"]) for made in rows
    )
    assert all(made["fields"]["note"] == number for number, made in enumerate(better))
    assert labels.agreement()["animal"]["items"] == 300
    labels.close()


def test_an_equal_estimate_is_a_dispute_and_one_answer_stands() -> None:
    two = row(reviewed({"city": "Rome", "name": "Ann"}, {"city": "Rome", "name": "Ann"}))
    made = estimated(two, 0, {"city": {}, "name": {0: "Anna"}})
    assert made["fields"] == {"city": "Rom", "name": "Anna", "zip": ""}
    assert made["disputed_fields"] == ["city"]
    one = row(reviewed({"city": "Rome"}))
    assert estimated(one, 0, {"city": {0: "Roma"}}) == one
