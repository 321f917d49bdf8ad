"""A2ICollectHumanLoopBatchOperator: answers become rows."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from support import Portal, ReviewDesk, wait_for_json

from a2i.batch import storage
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
        "completed": 1,
        "failed": 0,
        "expired": 0,
        "stopped": 1,
        "missing": 1,
        "not_started": 1,
        "unreadable": 0,
        "open": 1,
    }
    found = rows(s3, result["results_uri"])
    assert [row["item_id"] for row in found] == [*ids, "bad"]
    assert [row["status"] for row in found] == ["Completed", "InProgress", "Stopped", "Missing", "NotStarted"]
    [given] = found[0]["answers"]
    assert given["content"] == {"category": "answered"}
    assert given["seconds"] >= 0
    assert len(given["worker_id"]) == 16
    assert found[4]["failure_reason"] == "item 5: input is missing or not a JSON object"


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
    assert rows(s3, "s3://answers/elsewhere/rows.jsonl")[0]["failure_reason"].startswith("not JSON")
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
    with pytest.raises(A2IServiceError, match="DescribeHumanLoop failed: down"):
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
