"""A2IStopHumanLoopBatchOperator: stops what is open, once, however the service behaves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from batch_support import TEMPLATE, answer, start
from support import Portal, ReviewDesk

from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.naming import human_loop_name
from a2i.operators.human_loop_batch import A2IStopHumanLoopBatchOperator


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("stopping", TEMPLATE)


@pytest.fixture(scope="module")
def portal(review_desk_server: ReviewDesk) -> Portal:
    return review_desk_server.portal()


def stop(batch: Any, **arguments: Any) -> dict[str, int]:
    return A2IStopHumanLoopBatchOperator(task_id="stop", batch=batch, **arguments).execute(task_context())


def statuses(desk: ReviewDesk, flow: str) -> Counter[str]:
    pages = (
        desk.client("sagemaker-a2i-runtime")
        .get_paginator("list_human_loops")
        .paginate(FlowDefinitionArn=flow)
    )
    return Counter(loop["HumanLoopStatus"] for page in pages for loop in page["HumanLoopSummaries"])


def test_what_is_open_is_stopped_and_a_second_run_finds_nothing(
    aws: FaultProxy, flow: str, portal: Portal, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, "answered", "at-work", "open", "deleted")
    other = start(flow, "untouched")
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    answer(portal, batch, "answered")
    portal.claim(human_loop=human_loop_name(batch["batch_id"], "at-work")).raise_for_status()
    deleted = human_loop_name(batch["batch_id"], "deleted")
    runtime.stop_human_loop(HumanLoopName=deleted)
    runtime.delete_human_loop(HumanLoopName=deleted)

    assert stop(batch) == {"stopped": 2, "already_ended": 1, "missing": 1}
    assert stop(batch) == {"stopped": 0, "already_ended": 3, "missing": 1}
    name = human_loop_name(other["batch_id"], "untouched")
    assert runtime.describe_human_loop(HumanLoopName=name)["HumanLoopStatus"] == "InProgress"


def test_more_than_one_page(aws: FaultProxy, review_desk_server: ReviewDesk) -> None:
    flow = review_desk_server.create_flow_definition("stopping-many", TEMPLATE)
    batch = start(flow, *map(str, range(230)))
    aws.requests.clear()
    assert stop(batch)["stopped"] == 230
    assert statuses(review_desk_server, flow) == {"Stopped": 230}
    assert aws.count("POST", "/human-loops/stop") == 230
    assert aws.count("GET", "/human-loops?") == 3


def test_throttling_slows_it_and_fails_nothing(aws: FaultProxy, flow: str) -> None:
    batch = start(flow, *map(str, range(20)))
    refusals = iter([(429, "ThrottlingException", "too many")] * 5)
    aws.faults = lambda method, path: next(refusals, None) if path == "/human-loops/stop" else None
    assert stop(batch, outage_tolerance=0)["stopped"] == 20
    assert aws.count("POST", "/human-loops/stop") == 25


def test_a_loop_that_ended_in_between_is_no_failure(aws: FaultProxy, flow: str, portal: Portal) -> None:
    batch = start(flow, "a")

    def ends(method: str, path: str) -> Any:
        if path != "/human-loops/stop":
            return None
        answer(portal, batch, "a")
        return (400, "ValidationException", "The human loop is Completed.")

    aws.faults = ends
    assert stop(batch) == {"stopped": 0, "already_ended": 1, "missing": 0}


def test_a_loop_that_cannot_be_stopped_is_said(aws: FaultProxy, flow: str) -> None:
    batch = start(flow, "a")
    aws.faults = lambda method, path: (
        (400, "ValidationException", "not this one") if path == "/human-loops/stop" else None
    )
    with pytest.raises(A2IUserError, match=r"StopHumanLoop failed: not this one"):
        stop(batch)


def test_a_loop_that_the_list_does_not_show_is_stopped_too(
    aws: FaultProxy, flow: str, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, "shown", "hidden")
    aws.hidden.add(human_loop_name(batch["batch_id"], "hidden"))
    assert stop(batch)["stopped"] == 2


def test_a_service_that_stays_away_is_left_to_a_retry(aws: FaultProxy, flow: str) -> None:
    batch = start(flow, "a")
    aws.faults = lambda method, path: (503, "ServiceUnavailable", "down")
    with pytest.raises(A2IServiceError, match="down"):
        stop(batch, outage_tolerance=0)
    aws.reset()
    assert stop(batch)["stopped"] == 1


@pytest.mark.parametrize("batch", [None, {"batch_id": "x"}])
def test_what_is_no_batch_is_refused(aws: FaultProxy, batch: Any) -> None:
    with pytest.raises(A2IUserError, match="batch must be what A2IStartHumanLoopBatchOperator returns"):
        stop(batch)
