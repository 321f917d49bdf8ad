"""Which items of a batch people see: predictions, activation conditions, ``max_reviews``; items out of a folder."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from a2i_support import FaultProxy
from start_support import TEMPLATE, items, ledger, loops, start
from support import ReviewDesk

from a2i.batch import routing
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.ledger import LedgerPart, LedgerRow
from a2i.exceptions import A2IUserError
from a2i.naming import human_loop_name

CONDITIONS = {
    "Conditions": [
        {
            "ConditionType": "ConfidenceCheck",
            "ConditionParameters": {"Path": "$.prediction.total.confidence", "ConfidenceLessThan": 90},
        }
    ]
}


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("routing", TEMPLATE)


@pytest.fixture
def run_id(aws: FaultProxy) -> str:
    return f"manual__{uuid.uuid4()}"


def predicted(*confidences: float | None) -> list[dict[str, Any]]:
    """Items with a prediction of ``total``, or without any."""
    return [
        {"id": f"form-{number:04}", "input": {"number": number}}
        | ({} if sure is None else {"prediction": {"total": {"value": "7", "confidence": sure}}})
        for number, sure in enumerate(confidences)
    ]


def test_items_that_need_nobody_have_no_loop_and_no_error(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str, aws: FaultProxy
) -> None:
    given = predicted(61.5, 99, None, 95)
    batch = start(flow, given, run_id, activation_conditions=CONDITIONS)
    assert [batch[name] for name in ("items", "started", "failed", "not_needed")] == [4, 2, 0, 2]
    assert set(loops(review_desk_server, flow, batch)) == {
        human_loop_name(batch["batch_id"], given[number]["id"]) for number in (0, 2)
    }
    rows = [LedgerRow.from_json(json.dumps(row).encode()) for row in ledger(s3, batch)]
    assert [row.is_not_needed for row in rows] == [False, True, False, True]
    assert [row.prediction for row in rows] == [item.get("prediction") for item in given]
    assert "61.5" in rows[0].reasons[0]
    assert "missing" in rows[2].reasons[0]
    assert rows[1].reasons == ()
    # Another try counts the same.
    aws.requests.clear()
    again = start(flow, given, run_id, activation_conditions=json.dumps(CONDITIONS))
    assert {**again, "created_before": ""} == {**batch, "created_before": ""}
    assert aws.count("POST", "/human-loops") == 0


def test_of_too_many_items_people_see_those_the_model_is_least_sure_of(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "_CHOSEN_FROM_AT_ONCE", 2)
    given = predicted(80, 20, 99, 50, 10, 60, 30, 40)
    body = "\n".join(json.dumps(item) for item in given)
    s3.put_object(Bucket="documents", Key=f"{run_id}/items.jsonl", Body=body.encode())
    s3.put_object(Bucket="documents", Key=f"{run_id}/conditions.json", Body=json.dumps(CONDITIONS).encode())
    batch = start(
        flow,
        f"s3://documents/{run_id}/items.jsonl",
        run_id,
        activation_conditions=f"s3://documents/{run_id}/conditions.json",
        max_reviews="3",
    )
    assert [batch[name] for name in ("items", "started", "not_needed")] == [8, 3, 5]
    rows = ledger(s3, batch)
    assert [number for number, row in enumerate(rows) if row["human_loop_name"]] == [1, 4, 6]
    assert rows[0]["reasons"][-1] == "left out: the model is surer of it than of the 3 items of max_reviews"
    assert "reasons" not in rows[2]


def test_a_prediction_that_cannot_be_evaluated_is_an_item_error(s3: Any, flow: str, run_id: str) -> None:
    given = [*predicted(50), {"id": "odd", "input": {}, "prediction": {"total": {"confidence": "high"}}}]
    batch = start(flow, given, run_id, activation_conditions=CONDITIONS, max_reviews=5)
    assert [batch[name] for name in ("items", "started", "failed")] == [2, 1, 1]
    assert ledger(s3, batch)[1]["error"].startswith("item 2: Item 'odd': ")


def test_other_conditions_route_the_items_of_another_try_anew(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str
) -> None:
    given = predicted(95, 99)
    first = start(flow, given, run_id, activation_conditions=CONDITIONS)
    second = start(flow, given, run_id)
    assert (first["started"], second["started"], second["not_needed"]) == (0, 2, 0)
    assert len(ledger(s3, second)) == 2


def test_the_objects_of_a_folder_are_items(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str
) -> None:
    for key in ("a.png", "b/{id}.png", "b/", "ä ö.png"):
        s3.put_object(Bucket="documents", Key=f"{run_id}/in/{key}", Body=b"x")
    s3.put_object(Bucket="documents", Key=f"{run_id}/in-other.png", Body=b"x")
    folder = f"s3://documents/{run_id}/in/"
    given = {"document": "{uri}", "more": [{"name": "{id}"}, 7]}
    batch = start(flow, folder, run_id, item_input=given)
    rows = ledger(s3, batch)
    assert [row["item_id"] for row in rows] == ["a.png", "b/{id}.png", "ä ö.png"]
    client = review_desk_server.client("sagemaker-a2i-runtime")
    assert len(loops(review_desk_server, flow, batch)) == 3
    row = client.describe_human_loop(HumanLoopName=rows[1]["human_loop_name"])
    assert row["HumanLoopStatus"] == "InProgress"
    portal = review_desk_server.portal()
    portal.submit(portal.claim(human_loop=rows[1]["human_loop_name"]).json(), {"category": "a"})
    default = start(flow, folder, f"{run_id}-default")
    assert default["started"] == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"max_reviews": 3}, "max_reviews needs activation_conditions"),
        (
            {"max_reviews": -1, "activation_conditions": CONDITIONS},
            "max_reviews must be between 0 and",
        ),
        ({"max_open_loops": 0}, "max_open_loops must be between 1 and"),
        ({"activation_conditions": "{oops"}, "activation_conditions: "),
        (
            {"activation_conditions": {"Conditions": [{"ConditionType": "Oops"}]}},
            "activation_conditions: ",
        ),
        (
            {"activation_conditions": "s3://documents/none.json"},
            "There is no object s3://documents/none.json",
        ),
        ({"item_input": {"document": "{uri}"}}, "item_input must be a dict, and goes with items that are a"),
        (
            {"items": "s3://answers/", "ledger_uri": "s3://answers/ledgers"},
            "ledger_uri s3://answers/ledgers must not lie in the folder of the items",
        ),
        ({"items": {"id": "a"}}, "items must be a list or an s3:// URI, got"),
    ],
)
def test_mistakes_are_one_line(flow: str, run_id: str, arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(A2IUserError) as caught:
        start(flow, **{"given": items(1), "run_id": run_id, **_renamed(arguments)})
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def _renamed(arguments: dict[str, Any]) -> dict[str, Any]:
    return {("given" if name == "items" else name): value for name, value in arguments.items()}


def test_what_earlier_versions_wrote_can_be_read() -> None:
    row = LedgerRow.from_json(b'{"item_id": "a", "human_loop_name": "b-c", "error": null}')
    assert row == LedgerRow("a", "b-c")
    assert LedgerRow.from_json(row.to_json()) == row
    part = LedgerPart(3, "0" * 16, 2, 1)
    assert part.name == "part-000003.0000000000000000.2.1.jsonl"
    assert LedgerPart(3, "0" * 16, 2, 1, 4).name == "part-000003.0000000000000000.2.1.4.jsonl"
    batch = {
        "batch_id": "0" * 24,
        "flow_definition_arn": "arn",
        "ledger_uri": "s3://b/k",
        "created_after": "2026-01-01T00:00:00+00:00",
        "created_before": "2026-01-02T00:00:00+00:00",
        "items": 2,
        "started": 2,
        "failed": 0,
    }
    assert HumanLoopBatch.from_value(batch).not_needed == 0
    with pytest.raises(A2IUserError):
        HumanLoopBatch.from_value({name: batch[name] for name in batch if name != "failed"})
