"""A2ICollectHumanLoopBatchOperator: answers become rows."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from support import Portal, ReviewDesk, wait_for_json

from a2i.batch import storage
from a2i.batch.loop_states import ListedLoops
from a2i.batch.results import ANSWER_COLUMNS, COLUMNS
from a2i.exceptions import A2IServiceError
from a2i.naming import human_loop_name
from a2i.operators.human_loop_batch import A2ICollectHumanLoopBatchOperator, A2IStartHumanLoopBatchOperator

TEMPLATE = "<crowd-form><input name='category'></crowd-form>"


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("collecting", TEMPLATE)


@pytest.fixture(scope="module")
def portal(review_desk_server: ReviewDesk) -> Portal:
    return review_desk_server.portal()


def start(flow: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    operator = A2IStartHumanLoopBatchOperator(
        task_id="start", flow_definition_arn=flow, items=items, ledger_uri="s3://answers/ledgers"
    )
    return dict(operator.execute(task_context(f"manual__{uuid.uuid4()}")))


def collect(batch: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return dict(
        A2ICollectHumanLoopBatchOperator(task_id="collect", batch=batch, **arguments).execute(task_context())
    )


def rows(s3: Any, uri: str) -> list[dict[str, Any]]:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return [json.loads(line) for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]


def answer(portal: Portal, batch: dict[str, Any], item_id: str) -> None:
    task = portal.claim(human_loop=human_loop_name(batch["batch_id"], item_id)).json()
    portal.submit(task, {"category": item_id}).raise_for_status()


def output_uri(desk: ReviewDesk, batch: dict[str, Any], item_id: str) -> str:
    loop = desk.client("sagemaker-a2i-runtime").describe_human_loop(
        HumanLoopName=human_loop_name(batch["batch_id"], item_id)
    )
    return str(loop["HumanLoopOutput"]["OutputS3Uri"])


def test_a_row_for_every_item_in_order(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, review_desk_server: ReviewDesk
) -> None:
    ids = ["answered", "open", "stopped", "deleted"]
    batch = start(flow, [{"id": item_id, "input": {}} for item_id in ids] + [{"id": "bad"}])
    answer(portal, batch, "answered")
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    for item_id in ("stopped", "deleted"):
        runtime.stop_human_loop(HumanLoopName=human_loop_name(batch["batch_id"], item_id))
    runtime.delete_human_loop(HumanLoopName=human_loop_name(batch["batch_id"], "deleted"))

    result = collect(batch)
    assert result == {
        "results_uri": f"{batch['ledger_uri']}/results.jsonl",
        "items": 5,
        "answers": 1,
        "reviewed": 1,
        "disputed": 0,
        "completed": 1,
        "failed": 0,
        "expired": 0,
        "stopped": 1,
        "missing": 1,
        "not_started": 1,
        "not_needed": 0,
        "unreadable": 0,
        "open": 1,
        "agreement": {},
        "agreement_uri": f"{batch['ledger_uri']}/results.agreement.json",
    }
    found = rows(s3, result["results_uri"])
    assert [row["item_id"] for row in found] == [*ids, "bad"]
    assert [row["status"] for row in found] == ["Completed", "InProgress", "Stopped", "Missing", "NotStarted"]
    [given] = found[0]["answers"]
    assert given["content"] == {"category": "answered"}
    assert given["seconds"] >= 0
    assert len(given["worker_id"]) == 16
    assert [row["source"] for row in found] == ["person", "none", "none", "none", "none"]
    assert found[0]["fields"] == {"category": "answered"}
    assert [row["error"] for row in found] == [
        None,
        "not reviewed: InProgress",
        "not reviewed: Stopped",
        "not reviewed: the human loop was deleted",
        "item 5: input is missing or not a JSON object",
    ]


def test_answers_that_cannot_be_read_are_named_and_the_rest_goes_on(
    aws: FaultProxy,
    s3: Any,
    flow: str,
    portal: Portal,
    review_desk_server: ReviewDesk,
    capsys: pytest.CaptureFixture[str],
) -> None:
    batch = start(flow, [{"id": "odd", "input": {}}, {"id": "even", "input": {}}])
    for item_id in ("odd", "even"):
        answer(portal, batch, item_id)
    uri = output_uri(review_desk_server, batch, "odd")
    wait_for_json(s3, uri)
    s3.put_object(Bucket="answers", Key=uri.removeprefix("s3://answers/"), Body=b"<html>")
    result = collect(batch, results_uri="s3://answers/elsewhere/rows.jsonl")
    assert (result["unreadable"], result["completed"]) == (1, 1)
    assert rows(s3, "s3://answers/elsewhere/rows.jsonl")[0]["error"].startswith(
        f"the answers at {uri} cannot be read: not JSON"
    )
    assert "The answers for 'odd' at s3://answers/" in capsys.readouterr().out


def test_a_completed_loop_without_its_answers_is_not_passed_over(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, [{"id": "late", "input": {}}])
    answer(portal, batch, "late")
    uri = output_uri(review_desk_server, batch, "late")
    wait_for_json(s3, uri)
    s3.delete_object(Bucket="answers", Key=uri.removeprefix("s3://answers/"))
    with pytest.raises(A2IServiceError, match="'late' is completed, but its answers are not at s3://"):
        collect(batch, outage_tolerance=0.5)


def test_throttling_is_ridden_out(aws: FaultProxy, flow: str, portal: Portal) -> None:
    batch = start(flow, [{"id": str(number), "input": {}} for number in range(20)])
    failures = iter([(429, "ThrottlingException", "Rate exceeded")] * 5)
    aws.faults = lambda method, path: next(failures, None)
    assert collect(batch)["open"] == 20


def test_an_outage_that_lasts_is_worth_a_retry_and_leaves_no_half_result(
    aws: FaultProxy, s3: Any, flow: str
) -> None:
    batch = start(flow, [{"id": "a", "input": {}}])
    aws.faults = lambda method, path: (503, "ServiceUnavailable", "down")
    with pytest.raises(A2IServiceError, match="ListHumanLoops failed: down"):
        collect(batch, outage_tolerance=0.3)
    listed = s3.list_objects_v2(Bucket="answers", Prefix=batch["ledger_uri"].removeprefix("s3://answers/"))
    assert not [entry["Key"] for entry in listed["Contents"] if entry["Key"].endswith("results.jsonl")]


def test_long_results_are_written_in_parts(
    aws: FaultProxy, s3: Any, flow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_PART_BYTES", 5 * 1024 * 1024)
    long_id = "x" * 1000
    batch = start(flow, [{"id": f"{number}-{long_id}", "input": 0} for number in range(6000)])
    result = collect(batch)
    assert result["not_started"] == 6000
    assert [row["item_id"].split("-")[0] for row in rows(s3, result["results_uri"])] == [
        str(number) for number in range(6000)
    ]


def test_an_empty_batch_gives_an_empty_result(aws: FaultProxy, s3: Any, flow: str) -> None:
    result = collect(start(flow, []))
    assert (result["items"], rows(s3, result["results_uri"])) == (0, [])


def described(proxy: FaultProxy) -> int:
    return sum(
        method == "GET" and path.startswith("/human-loops/") and not path.startswith("/human-loops?")
        for method, path in proxy.requests
    )


def test_lists_save_asking_for_each_loop(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, review_desk_server: ReviewDesk
) -> None:
    """A page of 100 loops says what 100 requests would: only the first few are asked for, to see the layout."""
    ids = [f"{number:03}" for number in range(150)]
    batch = start(flow, [{"id": item_id, "input": {}} for item_id in ids])
    for item_id in ids[:30]:
        answer(portal, batch, item_id)
    for item_id in ids[:30]:
        wait_for_json(s3, output_uri(review_desk_server, batch, item_id))
    aws.requests.clear()
    result = collect(batch, max_concurrency=2)
    assert (result["completed"], result["open"]) == (30, 120)
    assert aws.count("GET", "/human-loops?") == 2
    assert 1 <= described(aws) <= 4
    for item_id, row in zip(ids[:30], rows(s3, result["results_uri"]), strict=False):
        assert (row["item_id"], row["fields"]) == (item_id, {"category": item_id})
        assert row["output_uri"] == output_uri(review_desk_server, batch, item_id)


def test_loops_that_no_list_shows_are_asked_for(
    aws: FaultProxy, s3: Any, flow: str, portal: Portal, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, [{"id": item_id, "input": {}} for item_id in "abc"])
    for item_id in "abc":
        answer(portal, batch, item_id)
        wait_for_json(s3, output_uri(review_desk_server, batch, item_id))
    aws.hidden.add(human_loop_name(batch["batch_id"], "b"))
    assert collect(batch)["completed"] == 3


def test_an_address_that_does_not_hold_the_loops_answers_is_not_believed(
    aws: FaultProxy,
    s3: Any,
    flow: str,
    portal: Portal,
    review_desk_server: ReviewDesk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = start(flow, [{"id": item_id, "input": {}} for item_id in "ab"])
    for item_id in "ab":
        answer(portal, batch, item_id)
        wait_for_json(s3, output_uri(review_desk_server, batch, item_id))
    wrong = output_uri(review_desk_server, batch, "a")
    monkeypatch.setattr(ListedLoops, "output_uri", lambda self, name, listed: wrong)
    result = collect(batch)
    assert [row["fields"] for row in rows(s3, result["results_uri"])] == [
        {"category": "a"},
        {"category": "b"},
    ]
    assert described(aws) == 1


def test_what_events_told_is_not_asked_again(aws: FaultProxy, s3: Any, flow: str, portal: Portal) -> None:
    """Not even a service that is away can keep the answers back then."""
    batch = start(flow, [{"id": item_id, "input": {}} for item_id in ("answered", "expired")])
    answered, expired = (human_loop_name(batch["batch_id"], item_id) for item_id in ("answered", "expired"))
    answer(portal, batch, "answered")
    folder = batch["ledger_uri"].removeprefix("s3://answers/")
    output = {"humanLoopName": answered, "humanAnswers": [{"workerId": "w", "answerContent": {"a": 1}}]}
    s3.put_object(Bucket="answers", Key=f"{folder}/told.json", Body=json.dumps(output))
    told = [
        {
            "human_loop_name": answered,
            "status": "Completed",
            "output_uri": f"{batch['ledger_uri']}/told.json",
        },
        {"human_loop_name": expired, "status": "Failed", "failure_code": "Expired", "failure_reason": "late"},
    ]
    s3.put_object(
        Bucket="answers",
        Key=f"{folder}/ended/part-0.jsonl",
        Body="\n".join(json.dumps(row) for row in told),
    )
    aws.requests.clear()
    result = collect(batch)
    assert not aws.requests
    assert (result["completed"], result["expired"]) == (1, 1)
    first, second = rows(s3, result["results_uri"])
    assert first["fields"] == {"a": 1}
    assert (second["failure_code"], second["error"]) == ("Expired", "not reviewed: Expired, late")


def test_rows_have_the_documented_columns(aws: FaultProxy, s3: Any, flow: str, portal: Portal) -> None:
    batch = start(flow, [{"id": "a", "input": {"text": "x"}}])
    answer(portal, batch, "a")
    [row] = rows(s3, collect(batch)["results_uri"])
    assert list(row) == [column.name for column in COLUMNS]
    assert list(row["answers"][0]) == [column.name for column in ANSWER_COLUMNS]
    assert row["input"] is None
    [row] = rows(s3, collect(batch, include_input=True)["results_uri"])
    assert row["input"] == {"text": "x"}
