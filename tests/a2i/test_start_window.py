"""A start that keeps to ``max_open_loops`` and to the account's quota, and waits for room in the triggerer."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from airflow.sdk.exceptions import TaskDeferred
from start_support import TEMPLATE, items, ledger, loops, operator, start
from support import ReviewDesk

from a2i.batch import loop_start
from a2i.batch.descriptor import HumanLoopBatch
from a2i.batch.loop_start import StartRequest
from a2i.batch.window import OpenLoops, room_worth_going_on
from a2i.exceptions import A2IServiceError, A2IUserError
from a2i.triggers.human_loop_batch_window import A2IHumanLoopBatchWindowTrigger


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("window", TEMPLATE)


@pytest.fixture
def run_id(aws: FaultProxy) -> str:
    return f"manual__{uuid.uuid4()}"


def fires(trigger: A2IHumanLoopBatchWindowTrigger) -> dict[str, Any]:
    async def first() -> dict[str, Any]:
        async for event in trigger.run():
            return dict(event.payload)
        raise AssertionError("no event")

    return asyncio.run(first())


def deferred(call: Any) -> A2IHumanLoopBatchWindowTrigger:
    with pytest.raises(TaskDeferred) as deferral:
        call()
    assert deferral.value.method_name == "execute_complete"
    trigger = deferral.value.trigger
    assert isinstance(trigger, A2IHumanLoopBatchWindowTrigger)
    return trigger


def open_names(desk: ReviewDesk, flow: str, batch_id: str) -> list[str]:
    entries = loops(desk, flow, {"batch_id": batch_id})
    return sorted(name for name, entry in entries.items() if entry["HumanLoopStatus"] == "InProgress")


def test_a_deferrable_start_goes_on_whenever_there_is_room(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str, aws: FaultProxy
) -> None:
    client = review_desk_server.client("sagemaker-a2i-runtime")
    task = operator(flow, items(21), max_open_loops="8", deferrable=True, waiter_delay=0.01)
    context = task_context(run_id)
    trigger = deferred(lambda: task.execute(context))
    most, rounds = 0, 0
    while True:
        names = open_names(review_desk_server, flow, trigger.batch_id)
        most = max(most, len(names))
        # Two places, a quarter, have to be free.
        assert (trigger.most_open, len(names)) == (6, 8)
        for name in names[:2]:
            client.stop_human_loop(HumanLoopName=name)
        event = fires(trigger)
        assert (event["status"], event["open"]) == ("success", 6)
        rounds += 1
        try:
            batch = task.execute_complete(context, event)
        except TaskDeferred as deferral:
            trigger = deferral.trigger  # type: ignore[assignment]
        else:
            break
    assert most == 8
    assert rounds == 7
    assert (batch["items"], batch["started"]) == (21, 21)
    assert len(loops(review_desk_server, flow, batch)) == 21
    # Nothing was started, or asked for, a second time; and the ledger is one part in the order of the items.
    assert aws.count("POST", "/human-loops") == 21
    assert [row["item_id"] for row in ledger(s3, batch)] == [item["id"] for item in items(21)]


def test_a_start_that_may_not_defer_waits_in_the_worker(
    review_desk_server: ReviewDesk, flow: str, run_id: str, aws: FaultProxy
) -> None:
    client = review_desk_server.client("sagemaker-a2i-runtime")
    most = 0

    def someone_answers(method: str, path: str) -> None:
        nonlocal most
        if method == "GET" and path.startswith("/human-loops?"):
            names = [
                entry["HumanLoopName"]
                for entry in client.list_human_loops(FlowDefinitionArn=flow, MaxResults=100)[
                    "HumanLoopSummaries"
                ]
                if entry["HumanLoopStatus"] == "InProgress"
            ]
            most = max(most, len(names) - before)
            if len(names) > before:
                client.stop_human_loop(HumanLoopName=names[0])

    before = sum(
        entry["HumanLoopStatus"] == "InProgress"
        for entry in client.list_human_loops(FlowDefinitionArn=flow, MaxResults=100)["HumanLoopSummaries"]
    )
    aws.faults = someone_answers
    batch = start(flow, items(9), run_id, max_open_loops=3, waiter_delay=0.01, deferrable=False)
    assert batch["started"] == 9
    assert most == 3


def test_another_try_knows_the_loops_of_a_part_that_was_never_written(
    review_desk_server: ReviewDesk, flow: str, run_id: str, aws: FaultProxy
) -> None:
    seen = 0

    def breaks_off(method: str, path: str) -> tuple[int, str, str] | None:
        nonlocal seen
        seen += method == "POST"
        return (500, "InternalServerException", "killed") if seen > 6 else None

    aws.faults = breaks_off
    with pytest.raises(A2IServiceError):
        start(flow, items(10), run_id, max_open_loops=100, max_concurrency=1, outage_tolerance=0.1)
    aws.reset()
    batch = start(flow, items(10), run_id, max_open_loops=100)
    assert batch["started"] == 10
    assert aws.count("POST", "/human-loops") == 4


def test_a_quota_that_stays_used_up_is_waited_for_in_the_triggerer(
    review_desk_server: ReviewDesk, s3: Any, flow: str, run_id: str, aws: FaultProxy, monkeypatch: Any
) -> None:
    monkeypatch.setattr(loop_start, "QUOTA_PATIENCE_SECONDS", -1.0)
    monkeypatch.setattr(loop_start, "quota_pause", lambda attempt: 0.0)
    seen = 0

    def quota(method: str, path: str) -> tuple[int, str, str] | None:
        nonlocal seen
        seen += method == "POST"
        full = (402, "ServiceQuotaExceededException", "Too many human loops in progress")
        return full if method == "POST" and seen > 5 else None

    aws.faults = quota
    task = operator(flow, items(20), deferrable=True, waiter_delay=0.01)
    context = task_context(run_id)
    trigger = deferred(lambda: task.execute(context))
    assert (trigger.most_open, trigger.waits) == (None, 0)
    assert 0 < trigger.until - time.time() <= 30  # type: ignore[operator]
    assert len(open_names(review_desk_server, flow, trigger.batch_id)) == 5

    # Nobody answers, the time is over; still no room: the waits grow.
    trigger.until = 0.0
    event = fires(trigger)
    assert event["open"] == 5
    trigger = deferred(lambda: task.execute_complete(context, event))
    assert trigger.waits == 1
    assert trigger.until - time.time() > 30  # type: ignore[operator]

    # Somebody answers.
    aws.faults = lambda method, path: None
    name = open_names(review_desk_server, flow, trigger.batch_id)[0]
    looks = 0

    def answered(method: str, path: str) -> None:
        nonlocal looks
        looks += method == "GET"
        if looks == 2:
            review_desk_server.client("sagemaker-a2i-runtime").stop_human_loop(HumanLoopName=name)

    aws.faults = answered
    batch = task.execute_complete(context, fires(trigger))
    assert (batch["started"], batch["failed"]) == (20, 0)
    assert len(loops(review_desk_server, flow, batch)) == 20
    assert len(ledger(s3, batch)) == 20


def test_the_trigger_rides_out_an_outage_and_names_what_is_final(flow: str, aws: FaultProxy) -> None:
    arguments: dict[str, Any] = {
        "batch_id": "f" * 24,
        "flow_definition_arn": flow,
        "since": "2026-01-01T00:00:00+00:00",
        "most_open": 0,
        "until": None,
        "waits": 0,
        "waiter_delay": 0.01,
    }
    troubles = iter([(500, "InternalServerException", "oops"), (429, "ThrottlingException", "slowly")])
    aws.faults = lambda method, path: next(troubles, None)
    assert fires(A2IHumanLoopBatchWindowTrigger(**arguments))["status"] == "success"
    assert next(troubles, None) is None
    gone = flow.rsplit("/", 1)[0] + "/gone"
    event = fires(A2IHumanLoopBatchWindowTrigger(**{**arguments, "flow_definition_arn": gone}))
    assert event == {
        "status": "error",
        "message": f"The flow definition {gone} does not exist any more.",
        "retry": False,
    }
    task = operator(flow, items(1), deferrable=True)
    with pytest.raises(A2IUserError, match="does not exist any more"):
        task.execute_complete(task_context("manual__x"), event)


class Lists:
    """A client whose lists show what a test says."""

    def __init__(self) -> None:
        self.summaries: list[dict[str, Any]] = []
        self.asked: dict[str, Any] = {}

    def get_paginator(self, operation: str) -> Lists:
        assert operation == "list_human_loops"
        return self

    async def paginate(self, **arguments: Any) -> Any:
        self.asked = arguments
        yield {"HumanLoopSummaries": self.summaries}


def test_a_loop_counts_as_open_until_a_list_shows_it() -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    lists, open_loops = Lists(), OpenLoops("arn", "b" * 24, since)
    for name in ("1", "2", "3"):
        open_loops.add(f"{'b' * 24}-{name}")
    assert asyncio.run(open_loops.look(lists)) == 3

    def summary(name: str, status: str, seconds: int) -> dict[str, Any]:
        created = since + timedelta(seconds=seconds)
        return {"HumanLoopName": name, "HumanLoopStatus": status, "CreationTime": created}

    lists.summaries = [
        summary(f"{'b' * 24}-1", "Completed", 60),
        summary(f"{'c' * 24}-9", "InProgress", 70),
        summary(f"{'b' * 24}-2", "InProgress", 80),
    ]
    # One has ended, one is open, the third is not in the lists yet; another batch's does not count.
    assert asyncio.run(open_loops.look(lists)) == 2
    assert open_loops.since == since
    lists.summaries.append(summary(f"{'b' * 24}-3", "Stopping", 90))
    assert asyncio.run(open_loops.look(lists)) == 2
    assert open_loops.since == since + timedelta(seconds=80)
    asyncio.run(open_loops.look(lists))
    assert lists.asked["CreationTimeAfter"] == since + timedelta(seconds=78)


def test_the_trigger_gets_all_connection_parameters_and_the_timeout() -> None:
    connection = {
        "aws_conn_id": "aws_other",
        "region_name": "eu-west-1",
        "verify": False,
        "botocore_config": {"read_timeout": 7},
    }
    task = operator("arn", items(1), deferrable=True, execution_timeout=timedelta(hours=3), **connection)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    starter: Any = SimpleNamespace(
        halted="window",
        request=StartRequest("b", "arn", max_open_loops=8),
        loops=OpenLoops("arn", "b", since),
    )
    batch = HumanLoopBatch("b", "arn", "s3://b/k", since.isoformat(), since.isoformat(), 0, 0, 0)
    with pytest.raises(TaskDeferred) as deferral:
        task._defer(starter, batch, None)
    _, arguments = deferral.value.trigger.serialize()
    assert {name: arguments[name] for name in connection} == connection
    assert (arguments["most_open"], arguments["since"]) == (6, since.isoformat())
    assert deferral.value.timeout == timedelta(hours=3)


def test_the_room_that_is_worth_going_on() -> None:
    assert [room_worth_going_on(most) for most in (1, 3, 4, 8, 1000)] == [1, 1, 1, 2, 250]
