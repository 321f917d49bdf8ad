"""The operators and the sensor for single human loops, against Review Desk."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from a2i_support import FaultProxy, task_context
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from support import Portal, ReviewDesk, wait_for_json

from a2i import human_loop, mixins
from a2i.exceptions import A2IServiceError, A2ITimeoutError, A2IUserError
from a2i.hooks.a2i import A2IHook
from a2i.operators.human_loop import (
    A2IDeleteHumanLoopOperator,
    A2IStartHumanLoopOperator,
    A2IStopHumanLoopOperator,
)
from a2i.sensors.human_loop import A2IHumanLoopSensor
from a2i.triggers.human_loop import A2IHumanLoopCompletedTrigger

TEMPLATE = "<crowd-form><p>{{ task.input.text }}</p><input name='category'></crowd-form>"
BROKEN = "<crowd-form><p>{{ task.input.uri | grant_read_access }}</p><input name='a'></crowd-form>"

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("single", TEMPLATE)


@pytest.fixture(scope="module")
def broken(review_desk_server: ReviewDesk) -> str:
    return review_desk_server.create_flow_definition("single-broken", BROKEN)


@pytest.fixture(scope="module")
def portal(review_desk_server: ReviewDesk) -> Portal:
    return review_desk_server.portal()


@pytest.fixture(scope="module")
def runtime(review_desk_server: ReviewDesk) -> Any:
    return review_desk_server.client("sagemaker-a2i-runtime")


def run_id() -> str:
    return f"manual__{uuid.uuid4()}"


def start(flow: str, **arguments: Any) -> A2IStartHumanLoopOperator:
    defaults: dict[str, Any] = {"human_loop_input": {"text": "Tea"}, "waiter_delay": 0}
    return A2IStartHumanLoopOperator(task_id="start", flow_definition_arn=flow, **{**defaults, **arguments})


def started(flow: str, **arguments: Any) -> str:
    return str(start(flow, **arguments).execute(task_context(run_id())))


def sensor(name: str, **arguments: Any) -> A2IHumanLoopSensor:
    defaults: dict[str, Any] = {"poke_interval": 0.1, "timeout": 20}
    return A2IHumanLoopSensor(task_id="wait", human_loop_name=name, **{**defaults, **arguments})


def answer(portal: Portal, name: str, category: str = "drink") -> None:
    task = portal.claim(human_loop=name)
    assert task.status_code == 200, task.text
    portal.submit(task.json(), {"category": category}).raise_for_status()


def deferral(task: Any, context: Any = None) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        task.execute(context or task_context(run_id()))
    return caught.value


def fire(trigger: Any) -> dict[str, Any]:
    async def first() -> Any:
        return await anext(trigger.run())

    return dict(asyncio.run(first()).payload)


def resumed(task: Any) -> Any:
    """Run a deferrable task to its end, with its trigger as the triggerer builds it."""
    trigger = deferral(task, context := task_context(run_id())).trigger
    _, arguments = trigger.serialize()
    event = fire(type(trigger)(**json.loads(json.dumps(arguments))))
    return task.execute_complete(context, json.loads(json.dumps(event)))


def test_a_loop_is_started_once_whatever_the_try(flow: str, aws: FaultProxy, runtime: Any) -> None:
    context = task_context(run_id())
    name = start(flow).execute(context)
    context["ti"].try_number = 2
    assert start(flow).execute(context) == name
    assert start(flow, human_loop_input={"text": "Coffee"}).execute(context) == name
    assert aws.count("POST", "/human-loops") == 1
    assert runtime.describe_human_loop(HumanLoopName=name)["HumanLoopStatus"] == "InProgress"
    assert start(flow, round="2").execute(context) != name


def test_mapped_tasks_have_loops_of_their_own(flow: str) -> None:
    run = run_id()
    names = {start(flow).execute(task_context(run, map_index=index)) for index in (-1, 0, 1)}
    assert len(names) == 3


def test_expand_over_items(flow: str) -> None:
    with DAG("mapped", schedule=None):
        mapped = A2IStartHumanLoopOperator.partial(task_id="start", flow_definition_arn=flow).expand(
            human_loop_input=[{"text": "Tea"}, {"text": "Coffee"}]
        )
        A2IHumanLoopSensor.partial(task_id="wait").expand(human_loop_name=mapped.output)
    assert mapped.operator_class is A2IStartHumanLoopOperator


def test_a_conflict_means_look_again(flow: str, aws: FaultProxy, runtime: Any) -> None:
    """The loop appears between the first look and the start: another worker has the same task."""
    looks = iter([(404, "ResourceNotFoundException", "not yet")])
    aws.faults = lambda method, path: next(looks, None) if method == "GET" else None
    name = f"raced-{uuid.uuid4().hex}"
    runtime.start_human_loop(
        HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": '{"text": "Coffee"}'}
    )
    assert started(flow, human_loop_name=name) == name
    assert aws.count("POST", "/human-loops") == 1


def test_a_conflict_with_nothing_is_worth_a_retry(flow: str, aws: FaultProxy) -> None:
    aws.faults = lambda method, path: (
        (409, "ConflictException", "being deleted") if method == "POST" else None
    )
    with pytest.raises(A2IServiceError, match=r"^StartHumanLoop failed: being deleted \(ConflictException\)"):
        started(flow)


def test_a_used_up_quota_is_worth_a_retry(flow: str, aws: FaultProxy) -> None:
    aws.faults = lambda method, path: (
        (402, "ServiceQuotaExceededException", "too many") if method == "POST" else None
    )
    with pytest.raises(A2IServiceError, match="too many"):
        started(flow)


def test_content_classifiers_reach_the_service(flow: str) -> None:
    with pytest.raises(A2IUserError, match="StartHumanLoop failed"):
        started(flow, content_classifiers=["FreeOfCharge"])
    assert started(flow, content_classifiers=["FreeOfAdultContent"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"human_loop_input": [1]}, "human_loop_input must be a JSON object, got [1]."),
        ({"human_loop_input": "{'text': 'Tea'}"}, "human_loop_input is not JSON: "),
        ({"human_loop_input": {"share": float("nan")}}, "human_loop_input is not JSON: "),
        ({"human_loop_input": {"text": "x" * 3_145_728}}, "characters, A2I takes 3,145,728"),
        ({"human_loop_name": "Loop 1"}, "human_loop_name: 'Loop 1' may hold lower-case letters"),
        ({"round": "zero"}, "round must be a whole number, got 'zero'."),
        ({"flow_definition_arn": "forms"}, "StartHumanLoop failed: "),
        ({"waiter_max_attempts": 0, "wait_for_completion": True}, "waiter_max_attempts must be between 1"),
    ],
)
def test_mistakes_are_one_line(flow: str, arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(A2IUserError) as caught:
        started(arguments.pop("flow_definition_arn", flow), **arguments)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_text_is_an_input_too(flow: str, portal: Portal, runtime: Any, s3: Any) -> None:
    name = started(flow, human_loop_input='{"text": "Tea"}')
    answer(portal, name)
    uri = runtime.describe_human_loop(HumanLoopName=name)["HumanLoopOutput"]["OutputS3Uri"]
    assert wait_for_json(s3, uri)["inputContent"] == {"text": "Tea"}


def test_a_loop_of_another_flow_definition_is_no_loop_of_ours(flow: str, broken: str) -> None:
    name = started(flow, human_loop_name=f"taken-{uuid.uuid4().hex}")
    with pytest.raises(
        A2IUserError, match=f"There is a human loop '{name}' of another flow definition, {flow}"
    ):
        started(broken, human_loop_name=name)


Waiting = Callable[[str, bool, dict[str, Any]], Any]


def with_operator(flow: str, name: str, **arguments: Any) -> Any:
    return start(flow, human_loop_name=name, wait_for_completion=True, **arguments)


def with_sensor(flow: str, name: str, **arguments: Any) -> Any:
    if "waiter_max_attempts" in arguments:
        arguments["timeout"] = 0.1 * arguments.pop("waiter_max_attempts")
    return sensor(name, **arguments)


def ends(make: Any, flow: str, name: str, **arguments: Any) -> tuple[Any, Any]:
    """What the sync and the deferred way end in: values, or types and texts of errors."""

    def end(way: Callable[[], Any]) -> Any:
        try:
            return way()
        except (A2IUserError, A2IServiceError, A2ITimeoutError) as error:
            return type(error), str(error)

    sync = end(lambda: make(flow, name, deferrable=False, **arguments).execute(task_context(run_id())))

    def deferred() -> Any:
        return resumed(make(flow, name, deferrable=True, **arguments))

    return sync, end(deferred)


def test_the_operator_returns_the_answers_either_way(flow: str, portal: Portal) -> None:
    name = started(flow)
    answer(portal, name, "hot drink")
    sync, deferred = ends(with_operator, flow, name)
    assert sync == deferred
    assert [entry["content"] for entry in sync] == [{"category": "hot drink"}]
    assert set(sync[0]) == {"worker_id", "accepted", "submitted", "seconds", "content"}


def test_the_sensor_returns_the_answers_either_way(flow: str, portal: Portal) -> None:
    name = started(flow)
    waiting = sensor(name, deferrable=True)
    trigger = deferral(waiting).trigger
    answer(portal, name, "hot drink")
    deferred = waiting.execute_complete(task_context(), fire(trigger))
    assert [entry["content"] for entry in deferred] == [{"category": "hot drink"}]
    assert sensor(name).execute(task_context()) == deferred
    assert sensor(name, deferrable=True).execute(task_context()) == deferred


def test_a_failed_loop_says_code_and_reason_word_for_word(broken: str, runtime: Any) -> None:
    name = started(broken, human_loop_input={"uri": "no-uri"})
    sensor(name, on_stopped="continue")
    sync, deferred = ends(with_operator, broken, name)
    described = runtime.describe_human_loop(HumanLoopName=name)
    assert sync == deferred
    assert sync[0] is A2IUserError
    assert sync[1].startswith(
        f"Human loop '{name}' failed (ValidationError): {described['FailureReason'].rstrip('.')}. "
    )
    assert sensor_error(name) == sync


def sensor_error(name: str) -> Any:
    with pytest.raises(A2IUserError) as caught:
        sensor(name).execute(task_context())
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize("make", [with_operator, with_sensor])
def test_a_stopped_loop_is_a_choice(make: Any, flow: str, runtime: Any) -> None:
    name = started(flow)
    runtime.stop_human_loop(HumanLoopName=name)
    with pytest.raises(A2IUserError, match="was stopped before people had finished"):
        make(flow, name).execute(task_context(run_id()))
    assert make(flow, name, on_stopped="continue").execute(task_context(run_id())) == []


def test_a_loop_stopped_during_the_wait(flow: str, runtime: Any) -> None:
    name = started(flow)
    waiting = sensor(name, deferrable=True)
    trigger = deferral(waiting).trigger
    runtime.stop_human_loop(HumanLoopName=name)
    event = fire(trigger)
    assert event["status"] == "error"
    with pytest.raises(A2IUserError, match="was stopped"):
        waiting.execute_complete(task_context(), event)


@pytest.mark.parametrize("attempts", [1, 2])
def test_people_who_take_too_long(flow: str, attempts: int) -> None:
    sync, deferred = ends(with_operator, flow, started(flow), waiter_max_attempts=attempts)
    assert sync == deferred
    assert sync[0] is A2ITimeoutError
    assert "is InProgress still" in sync[1]


def test_a_sensor_that_takes_too_long(flow: str) -> None:
    waiting = sensor(started(flow), deferrable=True, timeout=0.1, poke_interval=0.05)
    with pytest.raises(A2ITimeoutError, match="is InProgress still"):
        resumed(waiting)


def test_soft_fail_skips(flow: str) -> None:
    waiting = sensor(started(flow), deferrable=True, timeout=0.1, poke_interval=0.05, soft_fail=True)
    event = fire(deferral(waiting).trigger)
    with pytest.raises(AirflowSkipException):
        waiting.resume_execution("execute_complete", {"event": event}, task_context())


@pytest.mark.parametrize("make", [with_operator, with_sensor])
def test_a_loop_that_was_deleted(make: Any, flow: str, runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = started(flow)
    waiting = make(flow, name, deferrable=True)
    trigger = deferral(waiting).trigger
    runtime.stop_human_loop(HumanLoopName=name)
    runtime.delete_human_loop(HumanLoopName=name)
    with pytest.raises(A2IUserError, match=f"There is no human loop '{name}' at connection 'aws_default'"):
        waiting.execute_complete(task_context(), fire(trigger))


def test_waiting_rides_out_an_outage(flow: str, portal: Portal, aws: FaultProxy) -> None:
    name = started(flow)
    operator = start(flow, human_loop_name=name, wait_for_completion=True, deferrable=True)
    trigger = deferral(operator).trigger
    answer(portal, name)
    faults = [(503, "ServiceUnavailableException", "down"), (429, "ThrottlingException", "slow down")]
    troubles = iter([*faults, (500, "InternalServerException", "oops"), (502, "", "bad gateway")])
    aws.faults = lambda method, path: next(troubles, None)
    assert fire(trigger)["status"] == "success"
    assert next(troubles, None) is None
    troubles = iter(faults)
    assert trigger.wait_here(A2IHook())["status"] == "success"
    assert next(troubles, None) is None


def test_the_sensor_rides_out_an_outage(flow: str, portal: Portal, aws: FaultProxy) -> None:
    name = started(flow)
    answer(portal, name)
    troubles = iter([(503, "ServiceUnavailable", "down")] * 2)
    aws.faults = lambda method, path: next(troubles, None)
    assert sensor(name).execute(task_context())
    troubles = iter([(503, "ServiceUnavailable", "down")] * 2)
    assert resumed(sensor(name, deferrable=True))


def test_an_error_that_does_not_pass_is_the_same_either_way(flow: str, aws: FaultProxy) -> None:
    trigger = deferral(with_operator(flow, started(flow), deferrable=True)).trigger
    aws.faults = lambda method, path: (403, "AccessDeniedException", "not for you")
    deferred = fire(trigger)
    assert deferred == trigger.wait_here(A2IHook())
    assert deferred["retry"] is False
    assert "not for you (AccessDeniedException)" in deferred["message"]


def test_a_service_that_is_not_there_is_waited_for(monkeypatch: pytest.MonkeyPatch, flow: str) -> None:
    trigger = A2IHumanLoopCompletedTrigger(human_loop_name="x", waiter_delay=0, waiter_max_attempts=2)
    extra = {"region_name": "us-east-1", "endpoint_url": "http://127.0.0.1:9"}
    extra["config_kwargs"] = {"retries": {"total_max_attempts": 1}}
    dead = {"conn_type": "aws", "login": "a", "password": "b", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(dead))
    assert fire(trigger) == trigger.wait_here(A2IHook()) == {"status": "timeout", "human_loop_name": "x"}


def test_the_answers_of_a_completed_loop_may_come_later(
    flow: str, portal: Portal, runtime: Any, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = started(flow)
    answer(portal, name)
    uri = runtime.describe_human_loop(HumanLoopName=name)["HumanLoopOutput"]["OutputS3Uri"]
    wait_for_json(s3, uri)
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(A2IServiceError, match=f"is completed, but its answers are not at {uri} yet"):
        sensor(name, outage_tolerance=0).execute(task_context())
    monkeypatch.setattr(
        human_loop.time, "sleep", lambda seconds: s3.put_object(Bucket=bucket, Key=key, Body=content)
    )
    assert len(sensor(name).execute(task_context())) == 1
    s3.put_object(Bucket=bucket, Key=key, Body=b'{"humanAnswers": 1}')
    with pytest.raises(A2IUserError, match="cannot be read: humanAnswers is not a list"):
        sensor(name).execute(task_context())


def test_the_timeout_of_the_deferral(flow: str) -> None:
    name = started(flow)
    from datetime import timedelta

    waiting = with_operator(
        flow, name, deferrable=True, waiter_max_attempts=10, execution_timeout=timedelta(1)
    )
    waiting.waiter_delay = 60
    assert deferral(waiting).timeout == timedelta(minutes=15)
    waiting.execution_timeout = timedelta(minutes=3)
    assert deferral(waiting).timeout == timedelta(minutes=3)
    with pytest.raises(A2ITimeoutError, match="took longer than this task may wait"):
        waiting.resume_execution("__fail__", {"error": "Trigger timeout"}, task_context())


def test_missing_aiobotocore_is_said_before_anything_is_started(
    flow: str, aws: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixins, "aiobotocore_is_installed", lambda: False)
    with pytest.raises(A2IUserError, match="A2IStartHumanLoopOperator needs aiobotocore"):
        started(flow, wait_for_completion=True, deferrable=True)
    with pytest.raises(A2IUserError, match="A2IHumanLoopSensor needs aiobotocore"):
        sensor("x", deferrable=True).execute(task_context())
    assert not aws.requests
    assert started(flow, deferrable=True)


def status(runtime: Any, name: str) -> str:
    return str(runtime.describe_human_loop(HumanLoopName=name)["HumanLoopStatus"])


@pytest.mark.parametrize(("cancel", "after"), [(True, "Stopped"), (False, "InProgress")])
def test_on_kill_stops_the_loop_only_if_asked(flow: str, runtime: Any, cancel: bool, after: str) -> None:
    operator = start(flow, cancel_on_kill=cancel)
    operator.on_kill()
    name = operator.execute(task_context(run_id()))
    operator.on_kill()
    assert status(runtime, name) == after


@pytest.mark.parametrize(("cancel", "after"), [(True, "Stopped"), (False, "InProgress")])
def test_the_trigger_stops_the_loop_only_if_asked(flow: str, runtime: Any, cancel: bool, after: str) -> None:
    name = started(flow)
    trigger = deferral(with_operator(flow, name, deferrable=True, cancel_on_kill=cancel)).trigger
    asyncio.run(trigger.on_kill())
    assert status(runtime, name) == after


def test_a_restarted_triggerer_stops_nothing(flow: str, runtime: Any) -> None:
    name = started(flow)
    trigger = A2IHumanLoopCompletedTrigger(human_loop_name=name, cancel_on_kill=True, waiter_delay=60)

    async def cancelled() -> None:
        waiting = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.sleep(0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await trigger.cleanup()

    asyncio.run(cancelled())
    assert status(runtime, name) == "InProgress"


def test_a_kill_that_cannot_stop_the_loop_is_a_warning(flow: str, aws: FaultProxy, capsys: Any) -> None:
    operator = start(flow, cancel_on_kill=True)
    name = operator.execute(task_context(run_id()))
    aws.faults = lambda method, path: (500, "InternalServerException", "oops")
    operator.on_kill()
    asyncio.run(A2IHumanLoopCompletedTrigger(human_loop_name=name, cancel_on_kill=True).on_kill())
    assert capsys.readouterr().out.count("is not stopped: StopHumanLoop failed: oops") == 2


def stop(name: str, **arguments: Any) -> A2IStopHumanLoopOperator:
    return A2IStopHumanLoopOperator(task_id="stop", human_loop_name=name, waiter_delay=0, **arguments)


def test_stop_and_wait_for_the_reviewer_who_is_at_it(flow: str, portal: Portal, runtime: Any) -> None:
    name = started(flow)
    task = portal.claim(human_loop=name).json()
    assert stop(name).execute(task_context()) == name
    assert status(runtime, name) == "Stopping"
    waiting = {"wait_for_completion": True, "waiter_max_attempts": 2}
    with pytest.raises(A2IServiceError, match="is Stopping still"):
        stop(name, **waiting).execute(task_context())
    trigger = deferral(stop(name, **waiting, deferrable=True)).trigger
    assert fire(trigger)["status"] == "timeout"
    portal.submit(task, {"category": "late"}).raise_for_status()
    assert resumed_event(stop(name), fire(trigger)) == name
    assert stop(name, **waiting).execute(task_context()) == name
    answers = sensor(name, on_stopped="continue").execute(task_context())
    assert [entry["content"] for entry in answers] in ([], [{"category": "late"}])


def resumed_event(task: Any, event: dict[str, Any]) -> Any:
    return task.execute_complete(task_context(), event)


def test_delete_wants_an_ended_loop(flow: str, runtime: Any) -> None:
    name = started(flow)

    def delete(**arguments: Any) -> Any:
        return A2IDeleteHumanLoopOperator(task_id="d", human_loop_name=name, **arguments).execute(
            task_context()
        )

    with pytest.raises(A2IUserError, match=f"Human loop '{name}' is InProgress: stop it first"):
        delete()
    stop(name, wait_for_completion=True).execute(task_context())
    assert delete() == name
    with pytest.raises(A2IUserError, match=f"There is no human loop '{name}' at connection"):
        delete()
    assert delete(if_missing="skip") == name
    assert stop(name, if_missing="skip").execute(task_context()) == name
    with pytest.raises(A2IUserError, match="There is no human loop"):
        stop(name).execute(task_context())
    with pytest.raises(ValueError, match="if_missing must be one of fail, skip"):
        delete(if_missing="ignore")
