"""The AWS SDK for JavaScript against a running Review Desk: every operation of the runtime, pages, error classes."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timedelta
from typing import Any

import pytest
from every_operation import RUNTIME, TEMPLATE, every_operation, holds
from faults import restarted_with, without_loops
from foreign_clients import JAVASCRIPT, node_command
from support import REGION, ReviewDesk

from review_desk.api.operations import RUNTIME_OPERATIONS, modelled_errors


class JavaScriptSdk:
    """Runs calls.mjs on one Review Desk."""

    def __init__(self, desk: ReviewDesk) -> None:
        self.node = node_command()
        self.desk = desk

    def calls(self, *calls: dict[str, Any]) -> list[dict[str, Any]]:
        order = {
            "endpoint": self.desk.url,
            "region": REGION,
            "accessKeyId": self.desk.access_key["AccessKeyId"],
            "secretAccessKey": self.desk.access_key["SecretAccessKey"],
            "calls": calls,
        }
        done = subprocess.run(
            [self.node, "calls.mjs"],
            cwd=JAVASCRIPT,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outcomes: list[dict[str, Any]] = json.loads(done.stdout)
        return outcomes


@pytest.fixture(scope="module")
def sdk(review_desk_server: ReviewDesk) -> JavaScriptSdk:
    return JavaScriptSdk(review_desk_server)


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("from-node", TEMPLATE)


def start(flow: str, name: str, content: str = "{}") -> dict[str, Any]:
    return {
        "operation": "StartHumanLoop",
        "input": {
            "HumanLoopName": name,
            "FlowDefinitionArn": flow,
            "HumanLoopInput": {"InputContent": content},
        },
    }


def test_every_operation_of_the_runtime(review_desk_server: ReviewDesk, sdk: JavaScriptSdk) -> None:
    review_desk_server.create_flow_definition("by-javascript", TEMPLATE)
    calls = [call for call in every_operation("by-javascript") if call.service == RUNTIME]
    assert sorted(call.operation for call in calls) == sorted(RUNTIME_OPERATIONS)
    outcomes = sdk.calls(*({"operation": call.operation, "input": call.parameters} for call in calls))
    for call, outcome in zip(calls, outcomes, strict=True):
        assert "output" in outcome, f"{call.operation}: {outcome}"
        assert holds(outcome["output"], call.answer), f"{call.operation} answered {outcome['output']}"
        assert outcome["metadata"]["httpStatusCode"] == 200
        assert outcome["metadata"]["requestId"]
    described = next(
        outcome["output"]
        for call, outcome in zip(calls, outcomes, strict=True)
        if call.operation == "DescribeHumanLoop"
    )
    assert datetime.fromisoformat(described["CreationTime"]).tzinfo
    assert described["HumanLoopOutput"]["OutputS3Uri"].startswith("s3://answers/a2i/by-javascript/")


def test_pages(sdk: JavaScriptSdk, flow: str, review_desk_server: ReviewDesk) -> None:
    expected = [f"page-{number}" for number in range(7)]
    started = sdk.calls(*(start(flow, name, json.dumps({"text": name})) for name in expected))
    assert all("output" in outcome for outcome in started)
    runtime = review_desk_server.client(RUNTIME)
    fourth = runtime.describe_human_loop(HumanLoopName="page-3")["CreationTime"]
    query = {"FlowDefinitionArn": flow}
    orders = [
        ({"SortOrder": "Ascending"}, expected),
        ({"SortOrder": "Descending"}, expected[::-1]),
        ({"SortOrder": "Ascending", "CreationTimeAfter": fourth.isoformat()}, expected[3:]),
        (
            {
                "SortOrder": "Ascending",
                "CreationTimeBefore": (fourth + timedelta(milliseconds=1)).isoformat(),
            },
            expected[:4],
        ),
    ]
    outcomes = sdk.calls(*({"paginate": 3, "input": {**query, **more}} for more, _ in orders))
    for (_, wanted), outcome in zip(orders, outcomes, strict=True):
        pages = outcome["pages"]
        assert [loop["HumanLoopName"] for page in pages for loop in page] == wanted
        assert all(len(page) == 3 for page in pages[:-1])


def check_error(outcome: dict[str, Any], name: str, status: int) -> None:
    error = outcome["error"]
    assert error["name"] == name
    assert sorted(error["classes"]) == sorted([name, "SageMakerA2IRuntimeServiceException"])
    assert error["metadata"]["httpStatusCode"] == status
    assert error["metadata"]["requestId"]
    assert error["message"]
    assert error["fault"] == ("server" if status >= 500 else "client")


def test_errors_are_instances_of_the_sdks_classes(sdk: JavaScriptSdk, flow: str) -> None:
    nobody, invalid = {"HumanLoopName": "nobody"}, {"HumanLoopName": "Upper"}
    missing = {"FlowDefinitionArn": flow.replace("from-node", "missing")}
    table = [
        (start(flow, "conflict", '{"other": 1}'), "ConflictException", 409),
        (start(flow, "invalid", "not JSON"), "ValidationException", 400),
        ({"operation": "ListHumanLoops", "input": missing}, "ResourceNotFoundException", 404),
        *(
            ({"operation": operation, "input": given}, name, status)
            for operation in ("DescribeHumanLoop", "StopHumanLoop", "DeleteHumanLoop")
            for given, name, status in (
                (nobody, "ResourceNotFoundException", 404),
                (invalid, "ValidationException", 400),
            )
        ),
    ]
    first, *outcomes = sdk.calls(start(flow, "conflict"), *(call for call, _, _ in table))
    assert "output" in first
    for (call, name, status), outcome in zip(table, outcomes, strict=True):
        assert "error" in outcome, f"{call} gave {outcome}"
        check_error(outcome, name, status)


def test_a_quota_is_an_instance_too(sdk: JavaScriptSdk, flow: str) -> None:
    with restarted_with(sdk.desk, REVIEW_DESK_OPEN_LOOP_QUOTA="1"):
        _, outcome = sdk.calls(start(flow, "fills-the-quota"), start(flow, "one-too-many"))
    check_error(outcome, "ServiceQuotaExceededException", 402)


def test_throttling_is_an_instance_too(sdk: JavaScriptSdk) -> None:
    call = {"operation": "DescribeHumanLoop", "input": {"HumanLoopName": "nobody"}}
    with restarted_with(sdk.desk, REVIEW_DESK_REQUESTS_PER_SECOND="0.001"):
        _, outcome = sdk.calls(call, call)
    check_error(outcome, "ThrottlingException", 429)


def test_a_fault_of_the_service_is_an_instance_too(sdk: JavaScriptSdk) -> None:
    with without_loops(sdk.desk):
        [outcome] = sdk.calls({"operation": "DescribeHumanLoop", "input": {"HumanLoopName": "nobody"}})
    check_error(outcome, "InternalServerException", 500)
    assert outcome["error"]["metadata"]["requestId"] in outcome["error"]["message"]


def test_all_modelled_errors_are_seen_above() -> None:
    assert {error for name in RUNTIME_OPERATIONS for error in modelled_errors(name)} == {
        "ConflictException",
        "InternalServerException",
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
        "ThrottlingException",
        "ValidationException",
    }
