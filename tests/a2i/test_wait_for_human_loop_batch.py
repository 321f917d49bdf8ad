"""A2IHumanLoopBatchSensor and its trigger: one wait for a whole batch, through outages."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from airflow.sdk.exceptions import AirflowSensorTimeout
from batch_support import TEMPLATE, answer, deferred, fire, later, sensor, start
from support import Portal, ReviewDesk

from a2i.exceptions import A2IServiceError, A2ITimeoutError, A2IUserError
from a2i.naming import human_loop_name
from a2i.operators.human_loop_batch import A2IStartHumanLoopBatchOperator

BROKEN = "<crowd-form><p>{{ task.input.uri | grant_read_access }}</p><input name='a'></crowd-form>"


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("waiting", TEMPLATE)


@pytest.fixture(scope="module")
def portal(review_desk_server: ReviewDesk) -> Portal:
    return review_desk_server.portal()


def test_both_ways_of_waiting_end_in_the_same_value(aws: FaultProxy, flow: str, portal: Portal) -> None:
    batch = start(flow, "a", "b", "c")
    waiting = sensor(batch, deferrable=True)
    deferral = deferred(waiting)
    thread = later(0.5, lambda: answer(portal, batch, "a", "b", "c"))
    event = fire(deferral.trigger)
    thread.join()
    counts = waiting.execute_complete(task_context(), event)
    assert counts == {
        "items": 3,
        "completed": 3,
        "failed": 0,
        "stopped": 0,
        "missing": 0,
        "open": 0,
        "not_started": 0,
        "not_needed": 0,
    }
    assert sensor(batch).execute(task_context()) == counts


def test_the_trigger_is_small_has_no_secret_and_a_timeout(aws: FaultProxy, flow: str) -> None:
    batch = start(flow, *map(str, range(50)))
    deferral = deferred(sensor(batch, deferrable=True, timeout=3600))
    path, arguments = deferral.trigger.serialize()
    assert path == "a2i.triggers.human_loop_batch.A2IHumanLoopBatchTrigger"
    text = json.dumps(arguments)
    assert len(text) < 1500
    assert "password" not in text
    assert deferral.timeout is not None
    assert deferral.timeout.total_seconds() >= 3600
    assert arguments["give_up"] == pytest.approx(time.time() + 3600, abs=10)


def test_a_sweep_asks_little_and_only_reads(aws: FaultProxy, flow: str, portal: Portal) -> None:
    batch = start(flow, "x", "y", "z")
    deferral = deferred(sensor(batch, deferrable=True))
    aws.requests.clear()
    thread = later(1.0, lambda: answer(portal, batch, "x", "y", "z"))
    assert fire(deferral.trigger)["status"] == "success"
    thread.join()
    assert {method for method, _ in aws.requests} == {"GET"}
    assert all(path.startswith("/human-loops?") for _, path in aws.requests)


def test_waiting_survives_the_service_being_killed(
    aws: FaultProxy,
    flow: str,
    portal: Portal,
    review_desk_server: ReviewDesk,
    capsys: pytest.CaptureFixture[str],
) -> None:
    batch = start(flow, "survivor")
    waiting = sensor(batch, deferrable=True, aws_conn_id="aws_direct")
    deferral = deferred(waiting)
    review_desk_server.kill()

    def back() -> None:
        review_desk_server.start()
        answer(portal, batch, "survivor")

    thread = later(0.5, back)
    event = fire(deferral.trigger)
    thread.join()
    assert waiting.execute_complete(task_context(), event)["completed"] == 1
    log = capsys.readouterr().out
    assert "No answer from the service" in log
    assert "the reviews go on, next try in 2 s" in log


def test_the_sync_way_survives_it_too(aws: FaultProxy, flow: str, portal: Portal) -> None:
    batch = start(flow, "patient")
    failures = iter([(503, "ServiceUnavailable", "down")] * 2)
    aws.faults = lambda method, path: next(failures, None) if path.startswith("/human-loops?") else None
    answer(portal, batch, "patient")
    assert sensor(batch).execute(task_context())["completed"] == 1


def test_a_timeout_says_how_far_people_got(aws: FaultProxy, flow: str, portal: Portal) -> None:
    batch = start(flow, "quick", "slow")
    answer(portal, batch, "quick")
    waiting = sensor(batch, deferrable=True, timeout=0.5)
    event = fire(deferred(waiting).trigger)
    assert event["status"] == "timeout"
    with pytest.raises(A2ITimeoutError, match="1 of 2 human loops ended, 1 open") as caught:
        waiting.execute_complete(task_context(), event)
    assert isinstance(caught.value, AirflowSensorTimeout)


def test_a_template_that_does_not_render_fails_with_item_and_cause(
    aws: FaultProxy, review_desk_server: ReviewDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = review_desk_server.create_flow_definition(f"broken-{uuid.uuid4().hex[:8]}", BROKEN)
    operator = A2IStartHumanLoopBatchOperator(
        task_id="start",
        flow_definition_arn=broken,
        items=[{"id": "form-7", "input": {"uri": "no-uri"}}],
        ledger_uri="s3://answers/ledgers",
    )
    batch = operator.execute(task_context(f"manual__{uuid.uuid4()}"))
    with pytest.raises(A2IUserError) as caught:
        sensor(batch).execute(task_context())
    text = str(caught.value)
    assert text.startswith("1 of 1 items have no answer: 'form-7' (human loop ")
    assert "Failed: " in text
    assert "grant_read_access" in text
    counts = sensor(batch, on_failure="continue").execute(task_context())
    assert counts["failed"] == 1
    assert "No answer for 'form-7' (human loop" in capsys.readouterr().out


def test_stopped_and_deleted_loops_and_items_without_one(
    aws: FaultProxy, flow: str, portal: Portal, review_desk_server: ReviewDesk
) -> None:
    batch = start(flow, "done", "stopped", "deleted", more=[{"id": "bad"}])
    answer(portal, batch, "done")
    runtime = review_desk_server.client("sagemaker-a2i-runtime")
    for text in ("stopped", "deleted"):
        runtime.stop_human_loop(HumanLoopName=human_loop_name(batch["batch_id"], text))
    runtime.delete_human_loop(HumanLoopName=human_loop_name(batch["batch_id"], "deleted"))
    counts = sensor(batch, on_failure="continue").execute(task_context())
    assert counts == {
        "items": 4,
        "completed": 1,
        "failed": 0,
        "stopped": 1,
        "missing": 1,
        "open": 0,
        "not_started": 1,
        "not_needed": 0,
    }
    with pytest.raises(A2IUserError, match="3 of 4 items have no answer") as caught:
        sensor(batch).execute(task_context())
    for part in ("'bad' (not started: item 4: input is missing", "Stopped)", "deleted)"):
        assert part in str(caught.value)


def test_loops_that_the_list_does_not_show_yet_are_waited_for(
    aws: FaultProxy, flow: str, portal: Portal
) -> None:
    batch = start(flow, "shown", "hidden")
    answer(portal, batch, "shown")
    aws.hidden.add(human_loop_name(batch["batch_id"], "hidden"))
    waiting = sensor(batch, deferrable=True, timeout=0.5)
    assert fire(deferred(waiting).trigger)["counts"] == {"Completed": 1, "InProgress": 1}


def test_nothing_started_is_nothing_to_wait_for(aws: FaultProxy, flow: str) -> None:
    assert sensor(start(flow), deferrable=True).execute(task_context())["items"] == 0


def test_a_flow_definition_that_is_gone(aws: FaultProxy, flow: str) -> None:
    batch = start(flow, "lost")
    aws.faults = lambda method, path: (404, "ResourceNotFoundException", "no such flow definition")
    waiting = sensor(batch, deferrable=True)
    event = fire(deferred(waiting).trigger)
    with pytest.raises(A2IUserError, match="does not exist any more"):
        waiting.execute_complete(task_context(), event)


def test_an_error_of_the_trigger_may_be_retried(aws: FaultProxy, flow: str) -> None:
    waiting = sensor(start(flow, "any"), deferrable=True)
    with pytest.raises(A2IServiceError, match=r"^something passing$"):
        waiting.execute_complete(
            task_context(), {"status": "error", "message": "something passing", "retry": True}
        )


@pytest.mark.parametrize("batch", [None, "text", {"batch_id": "x"}])
def test_what_is_no_batch_is_refused(aws: FaultProxy, batch: Any) -> None:
    with pytest.raises(A2IUserError, match="batch must be what A2IStartHumanLoopBatchOperator returns"):
        sensor(batch).execute(task_context())


def test_a_batch_as_json_text(aws: FaultProxy, flow: str) -> None:
    assert sensor(json.dumps(start(flow))).execute(task_context())["items"] == 0
